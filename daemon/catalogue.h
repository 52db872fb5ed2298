/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue.h - which networks there are to serve, built in and in files, and which
 * version of its name each of them is.
 *
 * A version is a number that one network of a name has and no other gets, as long as the
 * state folder lives (storage/version_book.h, in the file "versions"). The first of a
 * name is 1. What was sent lies in "models" as NAME.sbnn, the version 1, and
 * NAME@VERSION.sbnn; its array in "arrays" likewise. What was sent goes before a network
 * of the model folder, and that before a built-in one: those have a number only if they
 * came when there was nothing of the name before them.
 *
 * The programming thread's alone, but at the start.
 */
#ifndef DAEMON_CATALOGUE_H
#define DAEMON_CATALOGUE_H

#include "daemon/daemon.h"

/* Makes daemon->registry and daemon->versions of all that is served at the start: of each
 * name the newest versions. A file that cannot be read is an error: a model that silently
 * is not there is worse; so are two files of one network's name in the model folder.
 * `why` begins with the file. */
MUST_CHECK enum status catalogue_load(struct daemon *daemon, char why[ERR_LEN]);
/* Judges the model folder as catalogue_load would, and changes nothing; what was sent is
 * not looked at. */
MUST_CHECK enum status catalogue_check(struct daemon *daemon, char why[ERR_LEN]);
/* The versions of a name that a start would serve, in a registry of their own that the
 * caller frees. ST_NOT_FOUND: there is none; or another status with `why`, which begins
 * with the file. */
MUST_CHECK enum status catalogue_read(struct daemon *daemon, const char *name,
                                      struct registry **ret_registry, char why[ERR_LEN]);

/* How many versions of a name are served, the highest. Any thread. */
size_t catalogue_keep(const struct daemon *daemon);
/* Gives a network that was sent its version: that which it has, if it is served or the
 * last that came, else the next; ret_fresh: it is the next. ST_RANGE: there is none;
 * ST_IO, ST_NOMEM: it cannot be remembered. */
MUST_CHECK enum status catalogue_number(struct daemon *daemon, struct network *net,
                                        bool *ret_fresh, char why[ERR_LEN]);
/* The next version of the name, 0 if all are spent. */
uint32_t catalogue_next(const struct daemon *daemon, const char *name);

/* The files of a version that is served no more go; its number stays spent. */
void catalogue_remove(struct daemon *daemon, const struct model *model);
/* The same for one that was numbered as the next and was never seen: its number is given
 * again. */
void catalogue_take_back(struct daemon *daemon, const struct model *model);
/* The same with what else there is in the state folder of the name: versions below
 * `below` that nobody serves. */
void catalogue_sweep(struct daemon *daemon, const char *name, uint32_t below);

#endif
