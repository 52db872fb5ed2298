/* SPDX-License-Identifier: Apache-2.0 */
/* The image as bytes: the order of the fields is here and, the other way round, in
 * array_image_read.c. */
#include "storage/array_image_internal.h"

#include "storage/cursor.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

/* -- Where the bytes go -- */

/* Through a buffer to a file or to memory, with the checksum of what went by; or nowhere,
 * to learn how many there are. */
struct sink {
    bool count_only;
    int fd;
    uint8_t *bytes; /* borrowed; NULL: to fd */
    uint64_t len;   /* so far */
    int error;      /* the first errno; later writes do nothing */
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
    if (sink->bytes != NULL)
        memcpy(sink->bytes + sink->len - sink->n, sink->buffer, sink->n);
    else if (!sink->count_only)
        write_all(sink, sink->buffer, sink->n);
    sink->n = 0;
}

/* Room for `len` bytes of the next field, which the caller fills at once. */
static uint8_t *room(struct sink *sink, size_t len)
{
    assert(len <= sizeof(sink->buffer));
    if (sink->n + len > sizeof(sink->buffer))
        flush(sink);
    uint8_t *p = sink->buffer + sink->n;
    sink->n += len;
    sink->len += len;
    return p;
}

static void put_u16(struct sink *sink, uint16_t value)
{
    uint8_t *p = room(sink, 2);

    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    sink->crc = crc32_z(sink->crc, p, 2);
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

static void put_chars(struct sink *sink, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i += sizeof(sink->buffer)) {
        size_t n = len - i < sizeof(sink->buffer) ? len - i : sizeof(sink->buffer);
        uint8_t *p = room(sink, n);

        memcpy(p, text + i, n);
        sink->crc = crc32_z(sink->crc, p, n);
    }
}

static void put_words(struct sink *sink, const uint64_t *words, size_t n_words)
{
    size_t chunk = sizeof(sink->buffer) / 8;

    put_u64(sink, n_words);
    if (sink->count_only) {
        sink->len += 8 * (uint64_t)n_words;
        return;
    }
    for (size_t i = 0; i < n_words; i += chunk) {
        size_t n = n_words - i < chunk ? n_words - i : chunk;
        uint8_t *p = room(sink, 8 * n);

        for (size_t w = 0; w < n; w++)
            le_store64(p + 8 * w, words[i + w]);
        sink->crc = crc32_z(sink->crc, p, 8 * n);
    }
}

/* -- The parts of the image -- */

static void put_head(struct sink *sink, const struct array_image *image,
                     const struct mram *mram)
{
    put_u32(sink, image->model_checksum);
    put_u32(sink, (uint32_t)image->n_layers);
    put_u64(sink, image->generation);
    put_u32(sink, (uint32_t)image->cause);
    put_u64(sink, (uint64_t)image->changed_at_s);
    put_u64(sink, (uint64_t)image->programmed_at_s);
    put_f64(sink, image->age_s);
    put_u64(sink, mram_seed(mram));
}

static void put_device(struct sink *sink, const struct array_image_source *source)
{
    const struct device *device = &source->image->device;
    double params[ARRAY_IMAGE_PARAMS];

    put_u16(sink, (uint16_t)strlen(device->name));
    put_chars(sink, device->name, strlen(device->name));
    put_u32(sink, (uint32_t)device->kind);
    if (device->kind == DEVICE_TABLE) {
        put_u32(sink, (uint32_t)source->table_len);
        put_chars(sink, source->table, source->table_len);
        return;
    }
    memcpy(params, &device->params, sizeof(params));
    for (size_t i = 0; i < ARRAY_IMAGE_PARAMS; i++)
        put_f64(sink, params[i]);
}

static void put_point(struct sink *sink, unsigned set, const struct operating_point *op)
{
    put_u32(sink, set);
    put_u32(sink, (uint32_t)op->mode);
    put_u32(sink, (uint32_t)op->over);
    put_f64(sink, op->temperature_k);
    put_f64(sink, op->bit_error_rate[MTJ_P2AP]);
    put_f64(sink, op->bit_error_rate[MTJ_AP2P]);
    put_u32(sink, op->has_target);
    put_f64(sink, op->target_write_error_rate);
    put_u32(sink, op->has_pulse);
    put_f64(sink, op->pulse_ns);
    put_f64(sink, op->voltage_v[MTJ_P2AP]);
    put_f64(sink, op->voltage_v[MTJ_AP2P]);
    put_u32(sink, (uint32_t)op->ecc);
    put_u32(sink, op->pairs);
    put_u32(sink, (uint32_t)op->polarity);
    put_u32(sink, op->verify_retries);
    put_u64(sink, op->seed);
    put_u32(sink, op->read_disturb);
}

static void put_defects(struct sink *sink, const struct mram_defects *defects)
{
    for (unsigned k = 0; k < MRAM_DEFECT_KINDS; k++)
        put_f64(sink, defects->share[k]);
    put_u32(sink, (uint32_t)defects->n_listed);
    for (size_t i = 0; i < defects->n_listed; i++) {
        const struct mram_defect *d = &defects->listed[i];

        put_u32(sink, (uint32_t)d->layer);
        put_u32(sink, (uint32_t)d->row);
        put_u32(sink, (uint32_t)d->column);
        put_u32(sink, d->partner);
        put_u32(sink, (uint32_t)d->kind);
    }
}

static void put_energy(struct sink *sink, const struct mram_energy *energy)
{
    put_f64(sink, energy->toggle_pj);
    put_f64(sink, energy->hold_pj);
    put_f64(sink, energy->check_pj);
    put_f64(sink, energy->encode_pj);
    put_f64(sink, energy->verify_pj);
}

static void put_forecast(struct sink *sink, const struct mram_forecast *forecast)
{
    put_f64(sink, forecast->errors);
    put_f64(sink, forecast->wrong_bits);
    put_energy(sink, &forecast->energy);
}

static void put_result(struct sink *sink, const struct mram_result *result)
{
    put_pair(sink, result->toggles);
    put_pair(sink, result->holds);
    put_u64(sink, result->failures);
    put_u64(sink, result->retries);
    put_energy(sink, &result->energy);
}

static void put_state(struct sink *sink, const struct mram_state *state)
{
    put_u64(sink, state->weights);
    put_u64(sink, state->cells);
    put_u64(sink, state->parallel);
    put_pair(sink, state->errors);
    put_u64(sink, state->stuck);
    put_u64(sink, state->stuck_errors);
    put_u64(sink, state->equal_pairs);
    put_u64(sink, state->words);
    put_u64(sink, state->corrected);
    put_u64(sink, state->detected);
    put_u64(sink, state->miscorrected);
    put_pair(sink, state->wrong);
}

/* What a layer does not state for itself is written as inherited, so that the same array
 * gives the same bytes whatever lies in members that nobody looks at. */
static void put_layer(struct sink *sink, const struct array_image *image,
                      const struct mram *mram, size_t layer)
{
    struct operating_point op = operating_points_at(&image->points, layer);

    put_point(sink, image->points.layers[layer].set, &op);
    put_forecast(sink, &image->forecasts[layer]);
    put_result(sink, &image->results[layer]);
    put_state(sink, &image->states[layer]);
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        enum mram_section section = (enum mram_section)s;

        if (mram_section(mram, layer, section) != NULL)
            put_words(sink, mram_section(mram, layer, section),
                      mram_section_words(mram, layer, section));
    }
}

static void put_image(struct sink *sink, const struct array_image_source *source)
{
    const struct array_image *image = source->image;

    memcpy(room(sink, CURSOR_MAGIC_LEN), ARRAY_IMAGE_MAGIC, CURSOR_MAGIC_LEN);
    put_u32(sink, ARRAY_IMAGE_VERSION);
    put_u32(sink, 0); /* the checksum, known at the end */
    sink->crc = 0;
    put_u64(sink, source->len);
    put_head(sink, image, source->mram);
    put_device(sink, source);
    put_point(sink, OPERATING_ALL_MEMBERS, &image->points.base);
    put_defects(sink, mram_defects(source->mram));
    for (size_t l = 0; l < image->n_layers; l++)
        put_layer(sink, image, source->mram, l);
    flush(sink);
}

/* -- For array_image.c -- */

static bool layouts_agree(const struct array_image *image, const struct mram *mram)
{
    for (size_t l = 0; l < image->n_layers; l++) {
        struct operating_point op = operating_points_at(&image->points, l);
        struct mram_layout asked = operating_point_layout(&op);
        struct mram_layout found = mram_layout(mram, l);

        if (asked.ecc != found.ecc || asked.pairs != found.pairs ||
            asked.polarity != found.polarity)
            return false;
    }
    return true;
}

enum status array_image_source_init(struct array_image_source *source,
                                    const struct array_image *image,
                                    const struct mram *mram)
{
    struct sink counter = { .count_only = true };
    bool agree = layouts_agree(image, mram);

    assert(image->n_layers == mram_layers(mram));
    assert(image->points.n_layers == image->n_layers && agree);
    (void)agree; /* without assertions */
    *source = (struct array_image_source) { .image = image, .mram = mram };
    if (image->device.kind == DEVICE_TABLE) {
        source->table_len = device_table_print(image->device.table, NULL, 0);
        source->table = malloc(source->table_len + 1);
        if (source->table == NULL)
            return ST_NOMEM;
        (void)device_table_print(image->device.table, source->table,
                                 source->table_len + 1); /* as long as just before */
    }
    put_image(&counter, source);
    source->len = counter.len;
    return ST_OK;
}

void array_image_source_done(struct array_image_source *source)
{
    free(source->table);
    source->table = NULL;
}

int array_image_put(const struct array_image_source *source, int fd, uint8_t *bytes,
                    uint32_t *ret_checksum)
{
    struct sink sink = { .fd = fd, .bytes = bytes };

    put_image(&sink, source);
    if (sink.error == 0)
        *ret_checksum = (uint32_t)sink.crc;
    return sink.error;
}
