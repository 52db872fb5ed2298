/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/array_image.h"

#include "storage/array_image_internal.h"
#include "storage/cursor.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_MAX_BYTES ((size_t)1 << 30)

/* -- Saving -- */

/* Writes and syncs the scratch file. Gives errno, 0 on success. */
static int write_scratch(int fd, const struct array_image_source *source)
{
    uint8_t checksum[4];
    uint32_t crc = 0;
    int error = array_image_put(source, fd, NULL, &crc);

    le_store32(checksum, crc);
    if (error == 0) {
        ssize_t n = pwrite(fd, checksum, sizeof(checksum), CURSOR_CRC_AT);
        error = n == sizeof(checksum) ? 0 : n < 0 ? errno : EIO;
    }
    if (error == 0 && fdatasync(fd) != 0)
        error = errno;
    return error;
}

/* PATH.tmp, new and empty; a stale one is the leaving of a crash. */
static int open_scratch(const char *scratch)
{
    if (unlink(scratch) != 0 && errno != ENOENT)
        return -1;
    return open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
}

static enum status save(const char *path, const struct array_image_source *source,
                        char why[ERR_LEN])
{
    char scratch[4096];
    int n = snprintf(scratch, sizeof(scratch), "%s.tmp", path);

    if (n < 0 || (size_t)n >= sizeof(scratch))
        return file_fail(ST_IO, path, strerror(ENAMETOOLONG), why);
    int fd = open_scratch(scratch);
    if (fd < 0)
        return file_fail(ST_IO, scratch, strerror(errno), why);

    int error = write_scratch(fd, source);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(scratch, path) != 0)
        error = errno;
    if (error != 0) {
        (void)unlink(scratch); /* if it stays, the next save removes it */
        return file_fail(ST_IO, path, strerror(error), why);
    }
    error = file_sync_folder(path);
    return error == 0 ? ST_OK : file_fail(ST_IO, path, strerror(error), why);
}

enum status array_image_save(const char *path, const struct array_image *image,
                             const struct mram *mram, char why[ERR_LEN])
{
    struct array_image_source source;
    enum status st = array_image_source_init(&source, image, mram);

    st = st == ST_OK ? save(path, &source, why)
                     : file_fail(st, path, "not enough memory", why);
    array_image_source_done(&source);
    return st;
}

enum status array_image_bytes(const struct array_image *image, const struct mram *mram,
                              uint8_t **ret_bytes, size_t *ret_len)
{
    struct array_image_source source;
    enum status st = array_image_source_init(&source, image, mram);
    uint8_t *bytes = st == ST_OK ? malloc(source.len) : NULL;

    if (bytes != NULL) {
        uint32_t crc = 0;

        (void)!array_image_put(&source, -1, bytes, &crc); /* memory takes everything */
        le_store32(bytes + CURSOR_CRC_AT, crc);
        *ret_bytes = bytes;
        *ret_len = source.len;
    }
    array_image_source_done(&source);
    return bytes != NULL ? ST_OK : ST_NOMEM;
}

/* -- Loading -- */

enum status array_image_load(const char *path, const struct network *net,
                             struct array_image *ret_image, struct mram **ret_mram,
                             char why[ERR_LEN])
{
    uint8_t *bytes;
    size_t len;
    enum status st = file_read(path, IMAGE_MAX_BYTES, &bytes, &len, why);

    if (st != ST_OK)
        return st;
    st = array_image_parse(bytes, len, net, ret_image, ret_mram, why);
    if (st != ST_OK)
        file_prefix(path, why);
    free(bytes);
    return st;
}

enum status array_image_whose(const char *path, uint32_t *ret_model_checksum,
                              char why[ERR_LEN])
{
    uint8_t *bytes;
    size_t len;
    struct cursor c;
    enum status st = file_read(path, IMAGE_MAX_BYTES, &bytes, &len, why);

    if (st != ST_OK)
        return st;
    cursor_begin(&c, bytes, len, ARRAY_IMAGE_MAGIC, ARRAY_IMAGE_VERSION, why);
    uint32_t checksum = cursor_u32(&c, "model checksum");
    free(bytes);
    if (c.st != ST_OK) {
        file_prefix(path, why);
        return c.st == ST_NOMEM ? ST_NOMEM : ST_FORMAT;
    }
    *ret_model_checksum = checksum;
    return ST_OK;
}

void array_image_done(struct array_image *image)
{
    if (image == NULL)
        return;
    device_done(&image->device);
    free(image->forecasts);
    free(image->results);
    free(image->states);
    image->forecasts = NULL;
    image->results = NULL;
    image->states = NULL;
}

void array_image_shapes(const struct network *net, struct mram_shape *ret_shapes)
{
    for (size_t l = 0; l < net->n_layers; l++)
        ret_shapes[l] = (struct mram_shape) { .n_rows = net->layers[l].n_out,
                                              .n_cols = net->layers[l].n_in };
}
