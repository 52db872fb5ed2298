/* SPDX-License-Identifier: Apache-2.0 */
/* version_book.h - which number each network of a name has.
 *
 * A number is given once: what comes under a name gets the next one, and the last is
 * remembered after its network has gone. In the file a name is a line of text:
 *
 *     spinbnn versions 1
 *     mnist 3 1:9f86d081 3:2c26b46b
 *
 * the name, the last number, and the numbers that networks have, with their checksums.
 * One thread.
 */
#ifndef STORAGE_VERSION_BOOK_H
#define STORAGE_VERSION_BOOK_H

#include "core/network.h"

#define VERSION_BOOK_NAMES 65536 /* that were ever served */
/* Numbers of a name: far more than are served at once; of more the lowest is forgotten.
 */
#define VERSION_BOOK_NUMBERS 64

struct version_book;

/* Without names. */
MUST_CHECK enum status version_book_new(struct version_book **ret_book);
/* ST_FORMAT with the line in `why`; ST_NOMEM. */
MUST_CHECK enum status version_book_parse(const char *text, size_t len,
                                          struct version_book **ret_book,
                                          char why[ERR_LEN]);
/* The same from a file; one that is not there has no names. ST_IO; `why` begins with the
 * path. */
MUST_CHECK enum status version_book_load(const char *path, struct version_book **ret_book,
                                         char why[ERR_LEN]);
/* Renames a file that is broken; ret_name: what to, cut if long. ST_IO; `why` begins with
 * the path. */
MUST_CHECK enum status version_book_set_aside(const char *path, char ret_name[ERR_LEN],
                                              char why[ERR_LEN]);
/* Replaces the file as a whole, for good, if anything has changed since it was read or
 * saved. ST_NOMEM, ST_IO; `why` begins with the path. */
MUST_CHECK enum status version_book_save(struct version_book *book, const char *path,
                                         char why[ERR_LEN]);
/* Takes NULL. */
void version_book_free(struct version_book *book);

/* The checksum of the network that has this number. False: none has. */
bool version_book_checksum(const struct version_book *book, const char *name,
                           uint32_t version, uint32_t *ret_checksum);
/* The highest number of the network with this checksum; 0: it has none. */
uint32_t version_book_find(const struct version_book *book, const char *name,
                           uint32_t checksum);
/* Numbers of a name, ascending; returns how many. */
size_t version_book_list(const struct version_book *book, const char *name,
                         uint32_t ret_versions[VERSION_BOOK_NUMBERS]);
/* The number that the next network of the name gets, 0 if all are spent. */
uint32_t version_book_next(const struct version_book *book, const char *name);

/* Gives a network a number, which is at least the next one. ST_RANGE: there is none, or
 * no room for another name; ST_NOMEM. */
MUST_CHECK enum status version_book_add(struct version_book *book, const char *name,
                                        uint32_t version, uint32_t checksum);
/* Takes the last number that was given back, before anybody has seen it: the next network
 * gets it. Nothing happens if it is another one. */
void version_book_take_back(struct version_book *book, const char *name,
                            uint32_t version);
/* The network with this number has gone. Nothing happens if none has it. */
void version_book_forget(struct version_book *book, const char *name, uint32_t version);

#endif
