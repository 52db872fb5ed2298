/* SPDX-License-Identifier: Apache-2.0 */
/* array.h - from what happens to the cells to a generation that serves: what every flow
 * that changes an array shares.
 *
 *   array_defer     data thread          find the model, queue; the flow goes on below
 *   array_begin     programming thread   the next generation, the cells as they should be
 *   (the flow)      programming thread   changes the cells
 *   array_read      programming thread   what the cells hold now
 *   array_publish   programming thread   lay it out for the kernel, save, record, swap
 *
 * There is one programming thread, so arrays need no locks. Serving goes on with the old
 * generation until the swap. Everything but array_defer is the programming thread's
 * alone.
 */
#ifndef DAEMON_ARRAY_H
#define DAEMON_ARRAY_H

#include "daemon/daemon.h"

/* A request that the programming thread carries out and answers. */
typedef void array_work(struct daemon *daemon, struct model *model,
                        struct http_call *call);
/* Queues it, or answers 404, 429 or 503. */
void array_defer(struct daemon *daemon, struct http_call *call, array_work *work);

/* The last generation of any version of the name that is served, 0 without one. One name,
 * one row of generations: who knows the last one sees that another version answers. */
uint64_t array_last_generation(const struct daemon *daemon, const char *name);

/* The state of an array's contents that answers bear, quoted as in HTTP. */
#define ARRAY_TAG_LEN 32
void array_tag(const struct generation *generation, char ret_tag[ARRAY_TAG_LEN]);
void array_set_tag(struct http_call *call, const struct generation *generation);

/* A 503 of a flow that ran out of memory; the old generation serves on. */
void array_reply_no_memory(struct http_call *call);

/* Is there an array? After a change that broke off there may be none; false after a 503,
 * without a call (NULL) just false. On the programming thread. */
bool array_there(const struct model *model, struct http_call *call);

/* The present generation, with a reference, and the next one after it with its number,
 * cause and time, conditions, forecasts and results as they are. The array is brought
 * back from its image if a change broke off before. False after answering: out of memory,
 * or all numbers are spent, or If-Match of `call` is stale. `call` may be NULL: then
 * nothing is answered. */
bool array_begin(struct daemon *daemon, struct model *model, struct http_call *call,
                 enum mram_cause cause, struct generation **ret_current,
                 struct generation **ret_next);
/* The same where the array may be made anew if it cannot be brought back. */
bool array_begin_anew(struct daemon *daemon, struct model *model, struct http_call *call,
                      enum mram_cause cause, struct generation **ret_current,
                      struct generation **ret_next);
/* Forgets the array: its cells may have changed, and no generation may build on them. */
void array_lose(struct model *model);
/* Of the array, and of one that was lost. */
const struct mram_defects *array_defects(const struct model *model);

/* The reads since the last time wear on the cells, where the conditions say so. */
void array_account_reads(struct daemon *daemon, struct model *model,
                         const struct generation *current, uint64_t generation);
/* Another array takes the place of the model's; takes `mram`. The reads so far have worn
 * on the old one. */
void array_replace(struct daemon *daemon, struct model *model, struct mram *mram);
/* Pictures read since then. Any thread. */
uint64_t array_pending_reads(struct daemon *daemon, const struct model *model);

/* Makes the array fit `generation`'s conditions: another seed is another chip, and
 * layouts change section by section. */
MUST_CHECK enum status array_fit(struct model *model,
                                 const struct generation *generation);
/* Writes the wanted bits over what is there. */
MUST_CHECK enum status array_write(struct model *model, struct generation *generation);
/* The same of layers first .. first + n - 1, which threads may do at once; the caller
 * notes the time. */
MUST_CHECK enum status array_write_layers(struct model *model,
                                          struct generation *generation, size_t first,
                                          size_t n);
/* Reads: states. */
MUST_CHECK enum status array_read(struct model *model, struct generation *generation);
/* On success `generation` serves, and the caller keeps its reference. */
MUST_CHECK enum status array_publish(struct daemon *daemon, struct model *model,
                                     struct generation *generation, uint64_t began_ns);
/* Its steps, of which some are done for many arrays at once when the daemon starts
 * (start.c). What the cells deliver, laid out for the kernel, and which of it is wrong;
 * ST_NOMEM. Then to disk: `why` says what hindered it if it is not durable. These two on
 * any thread, at once too. Then into the record, and into service. */
MUST_CHECK enum status array_deliver(const struct daemon *daemon, struct model *model,
                                     struct generation *generation);
void array_save(const struct model *model, struct generation *generation,
                char why[ERR_LEN]);
void array_record(struct daemon *daemon, struct generation *generation, const char *why);
void array_serve(struct daemon *daemon, struct model *model,
                 struct generation *generation);
/* Into service as its image had it: nothing happened. */
void array_serve_as_left(struct model *model, struct generation *generation);

/* What an image says of a generation, and back. The image borrows. */
struct array_image array_describe(const struct model *model,
                                  const struct generation *generation);
void array_adopt(struct generation *generation, const struct array_image *image);

#endif
