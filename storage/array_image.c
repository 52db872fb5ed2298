/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/array_image.h"

#include "core/bits.h"
#include "core/rng.h"
#include "storage/cursor.h"
#include "storage/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#define IMAGE_VERSION   1
#define IMAGE_MAX_BYTES ((size_t)1 << 30)
/* Bytes of the head in front of the layers, and of one layer's entry in front of its
 * words; the table in README.md adds up to them. */
#define HEAD_LEN       144
#define LAYER_HEAD_LEN 72

static const char magic[] = "\x89SBAR\r\n\x1a";

/* -- Saving -- */

/* A file being written, through a buffer, with the checksum of what went by. */
struct sink {
    int fd;
    int error; /* the first errno; later writes do nothing */
    uLong crc;
    size_t n;
    uint8_t buffer[32768];
};

static void write_all(struct sink *sink, const uint8_t *p, size_t len)
{
    while (len > 0 && sink->error == 0) {
        ssize_t n = write(sink->fd, p, len);
        if (n < 0 && errno != EINTR)
            sink->error = errno;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

static void flush(struct sink *sink)
{
    write_all(sink, sink->buffer, sink->n);
    sink->n = 0;
}

/* Room for `len` bytes of the next field, which the caller fills at once. */
static uint8_t *room(struct sink *sink, size_t len)
{
    if (sink->n + len > sizeof(sink->buffer))
        flush(sink);
    uint8_t *p = sink->buffer + sink->n;
    sink->n += len;
    return p;
}

static void put_u32(struct sink *sink, uint32_t value)
{
    uint8_t *p = room(sink, 4);

    le_store32(p, value);
    sink->crc = crc32_z(sink->crc, p, 4);
}

static void put_u64(struct sink *sink, uint64_t value)
{
    uint8_t *p = room(sink, 8);

    le_store64(p, value);
    sink->crc = crc32_z(sink->crc, p, 8);
}

static void put_f64(struct sink *sink, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_u64(sink, bits);
}

static void put_pair(struct sink *sink, const uint64_t pair[2])
{
    put_u64(sink, pair[0]);
    put_u64(sink, pair[1]);
}

static void put_point(struct sink *sink, const struct operating_point *op)
{
    put_u32(sink, (uint32_t)op->mode);
    put_u32(sink, (uint32_t)op->over);
    put_u64(sink, op->seed);
    put_f64(sink, op->temperature_k);
    put_f64(sink, op->bit_error_rate);
    put_u32(sink, op->has_target);
    put_u32(sink, op->has_pulse);
    put_f64(sink, op->target_write_error_rate);
    put_f64(sink, op->pulse_ns);
    put_f64(sink, op->voltage_v[MTJ_P2AP]);
    put_f64(sink, op->voltage_v[MTJ_AP2P]);
}

static void put_words(struct sink *sink, const uint64_t *words, size_t n_words)
{
    size_t chunk = sizeof(sink->buffer) / 8;

    for (size_t i = 0; i < n_words; i += chunk) {
        size_t n = n_words - i < chunk ? n_words - i : chunk;
        uint8_t *p = room(sink, 8 * n);

        for (size_t w = 0; w < n; w++)
            le_store64(p + 8 * w, words[i + w]);
        sink->crc = crc32_z(sink->crc, p, 8 * n);
    }
}

static void put_layer(struct sink *sink, const struct mram *mram, size_t layer,
                      const struct mram_result *result)
{
    size_t n_words = mram_layer_words(mram, layer);

    put_u64(sink, n_words);
    put_u64(sink, result->cells);
    put_pair(sink, result->toggles);
    put_pair(sink, result->holds);
    put_pair(sink, result->errors);
    put_f64(sink, result->energy_pj);
    put_words(sink, mram_contents(mram, layer), n_words);
}

static uint64_t image_len(const struct mram *mram)
{
    uint64_t len = HEAD_LEN;

    for (size_t l = 0; l < mram_layers(mram); l++)
        len += LAYER_HEAD_LEN + 8 * (uint64_t)mram_layer_words(mram, l);
    return len;
}

static void put_image(struct sink *sink, const struct array_image *image,
                      const struct mram *mram)
{
    memcpy(room(sink, CURSOR_MAGIC_LEN), magic, CURSOR_MAGIC_LEN);
    put_u32(sink, IMAGE_VERSION);
    put_u32(sink, 0); /* the checksum, known at the end */
    sink->crc = 0;
    put_u64(sink, image_len(mram));
    put_u32(sink, image->model_checksum);
    put_u32(sink, (uint32_t)image->n_layers);
    put_u64(sink, image->generation);
    put_u64(sink, (uint64_t)image->programmed_at_s);
    put_u64(sink, mram_seed(mram));
    put_point(sink, &image->op);
    put_f64(sink, image->forecast.wrong_bits);
    put_f64(sink, image->forecast.energy_pj);
    for (size_t l = 0; l < image->n_layers; l++)
        put_layer(sink, mram, l, &image->results[l]);
    flush(sink);
}

/* Writes and syncs the scratch file. Gives errno, 0 on success. */
static int write_scratch(int fd, const struct array_image *image, const struct mram *mram)
{
    struct sink sink = { .fd = fd };

    put_image(&sink, image, mram);
    if (sink.error == 0 && lseek(fd, CURSOR_CRC_AT, SEEK_SET) < 0)
        sink.error = errno;
    if (sink.error == 0) {
        put_u32(&sink, (uint32_t)sink.crc);
        flush(&sink);
    }
    if (sink.error == 0 && fdatasync(fd) != 0)
        sink.error = errno;
    return sink.error;
}

/* Makes the rename itself outlive a power cut. */
static int sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);

    memcpy(folder, slash == NULL ? "." : path, len);
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    /* EINVAL: a file system whose folders need no sync. */
    int error = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
    (void)close(fd); /* nothing was written through it */
    return error;
}

/* PATH.tmp, new and empty; a stale one is the leaving of a crash. */
static int open_scratch(const char *scratch)
{
    if (unlink(scratch) != 0 && errno != ENOENT)
        return -1;
    return open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
}

enum status array_image_save(const char *path, const struct array_image *image,
                             const struct mram *mram, char why[ERR_LEN])
{
    char scratch[4096];
    int n = snprintf(scratch, sizeof(scratch), "%s.tmp", path);

    assert(image->n_layers == mram_layers(mram));
    if (n < 0 || (size_t)n >= sizeof(scratch))
        return file_fail(ST_IO, path, strerror(ENAMETOOLONG), why);
    int fd = open_scratch(scratch);
    if (fd < 0)
        return file_fail(ST_IO, scratch, strerror(errno), why);

    int error = write_scratch(fd, image, mram);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(scratch, path) != 0)
        error = errno;
    if (error != 0) {
        (void)unlink(scratch); /* if it stays, the next save removes it */
        return file_fail(ST_IO, path, strerror(error), why);
    }
    error = sync_folder(path);
    return error == 0 ? ST_OK : file_fail(ST_IO, path, strerror(error), why);
}

/* -- Loading -- */

static void read_point(struct cursor *c, struct operating_point *op)
{
    op->mode = (enum mram_mode)cursor_u32_in(c, "mode", 0, MRAM_IID);
    op->over = (enum mram_over)cursor_u32_in(c, "over", 0, MRAM_OVER_ERASED_AP);
    op->seed = cursor_u64_in(c, "operating point's seed", 0, (UINT64_C(1) << 53) - 1);
    op->temperature_k =
        cursor_f64_in(c, "temperature", MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K);
    op->bit_error_rate = cursor_f64_in(c, "bit error rate", -DBL_MAX, DBL_MAX);
    op->has_target = cursor_u32_in(c, "has target", 0, 1) == 1;
    op->has_pulse = cursor_u32_in(c, "has pulse", 0, 1) == 1;
    op->target_write_error_rate = cursor_f64_in(c, "target", -DBL_MAX, DBL_MAX);
    op->pulse_ns = cursor_f64_in(c, "pulse", -DBL_MAX, DBL_MAX);
    op->voltage_v[MTJ_P2AP] = cursor_f64_in(c, "voltage P2AP", -DBL_MAX, DBL_MAX);
    op->voltage_v[MTJ_AP2P] = cursor_f64_in(c, "voltage AP2P", -DBL_MAX, DBL_MAX);
}

/* Two counts that together are at most `max`. */
static void read_pair(struct cursor *c, const char *what, uint64_t max, uint64_t pair[2])
{
    pair[0] = cursor_u64_in(c, what, 0, max);
    pair[1] = cursor_u64_in(c, what, 0, max - pair[0]);
}

static void read_result(struct cursor *c, const struct network_layer *layer,
                        struct mram_result *result)
{
    uint64_t cells = (uint64_t)layer->n_out * layer->n_in;

    result->cells = cursor_u64_in(c, "cells", 0, cells);
    read_pair(c, "toggles", result->cells, result->toggles);
    read_pair(c, "holds", result->cells, result->holds);
    read_pair(c, "errors", result->cells, result->errors);
    result->energy_pj = cursor_f64_in(c, "energy", 0.0, DBL_MAX);
}

static void read_contents(struct cursor *c, const struct network_layer *layer, size_t l,
                          struct mram *mram)
{
    size_t n_words = layer->n_out * bits_words(layer->n_in);
    size_t begin = c->at;
    const uint8_t *p = cursor_take(c, 8 * n_words, "contents");
    uint64_t *words = p != NULL ? malloc(8 * n_words) : NULL;

    if (words == NULL) {
        cursor_fail(c, ST_NOMEM, begin, "not enough memory for %zu words", n_words);
        return;
    }
    for (size_t w = 0; w < n_words; w++)
        words[w] = le_load64(p + 8 * w);
    enum status st = mram_restore(mram, l, words);
    if (st != ST_OK)
        cursor_fail(c, st, begin, "contents: expected padding bits of 0, found 1");
    free(words);
}

static void read_layers(struct cursor *c, const struct network *net,
                        struct array_image *image, struct mram *mram)
{
    for (size_t l = 0; l < net->n_layers; l++) {
        const struct network_layer *layer = &net->layers[l];
        uint64_t n_words = (uint64_t)layer->n_out * bits_words(layer->n_in);

        (void)snprintf(c->where, sizeof(c->where), "layer %zu ", l);
        cursor_u64_in(c, "words", n_words, n_words);
        read_result(c, layer, &image->results[l]);
        read_contents(c, layer, l, mram);
    }
    c->where[0] = '\0';
}

/* Everything in front of the layers, and whether this image is one of net's. */
static void read_head(struct cursor *c, const struct network *net,
                      struct array_image *image, uint64_t *ret_seed)
{
    size_t at = c->at;

    image->model_checksum = cursor_u32(c, "model checksum");
    if (image->model_checksum != net->checksum)
        cursor_fail(c, ST_CONFLICT, at,
                    "model checksum: the image is of a model file %08x, not of %08x",
                    image->model_checksum, net->checksum);
    image->n_layers =
        cursor_u32_in(c, "layers", (uint32_t)net->n_layers, (uint32_t)net->n_layers);
    image->generation = cursor_u64_in(c, "generation", 0, RNG_MAX_GENERATION);
    image->programmed_at_s = (int64_t)cursor_u64_in(c, "time", 0, INT64_MAX);
    *ret_seed = cursor_u64(c, "array's seed");
    read_point(c, &image->op);
    image->forecast.wrong_bits =
        cursor_f64_in(c, "forecast of wrong bits", 0.0, (double)network_cells(net));
    image->forecast.energy_pj = cursor_f64_in(c, "forecast of energy", 0.0, DBL_MAX);
}

/* A new array of net's shape, or NULL with the cause at the cursor. */
static struct mram *new_array(struct cursor *c, const struct network *net, uint64_t seed)
{
    struct mram_shape shapes[NETWORK_MAX_LAYERS];
    struct mram *mram = NULL;

    array_image_shapes(net, shapes);
    enum status st = mram_new(shapes, net->n_layers, seed, &mram);
    if (st != ST_OK)
        cursor_fail(c, st, c->at, "cannot make an array of %zu cells",
                    network_cells(net));
    return st == ST_OK ? mram : NULL;
}

enum status array_image_parse(const uint8_t *bytes, size_t len, const struct network *net,
                              struct array_image *ret_image, struct mram **ret_mram,
                              char why[ERR_LEN])
{
    struct array_image image = { .n_layers = 0 };
    struct mram *mram = NULL;
    struct cursor c;
    uint64_t seed = 0;

    cursor_begin(&c, bytes, len, magic, IMAGE_VERSION, why);
    read_head(&c, net, &image, &seed);
    if (c.st != ST_OK)
        return c.st;
    image.results = calloc(image.n_layers, sizeof(*image.results));
    if (image.results == NULL)
        cursor_fail(&c, ST_NOMEM, c.at, "not enough memory for the results");
    if (c.st == ST_OK)
        mram = new_array(&c, net, seed);
    if (c.st == ST_OK)
        read_layers(&c, net, &image, mram);
    cursor_end(&c);
    if (c.st != ST_OK) {
        mram_free(mram);
        array_image_done(&image);
        return c.st;
    }
    *ret_image = image;
    *ret_mram = mram;
    return ST_OK;
}

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

void array_image_done(struct array_image *image)
{
    if (image == NULL)
        return;
    free(image->results);
    image->results = NULL;
}

void array_image_shapes(const struct network *net, struct mram_shape *ret_shapes)
{
    for (size_t l = 0; l < net->n_layers; l++)
        ret_shapes[l] = (struct mram_shape) { .n_rows = net->layers[l].n_out,
                                              .n_cols = net->layers[l].n_in };
}
