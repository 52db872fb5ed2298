/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tile_image.h"

#include <assert.h>
#include <spng.h>
#include <stdlib.h>

#define ROW_WORDS (MRAM_TILE_COLUMNS / 64)
/* Of 0..9; tiles are sent more often than kept. */
#define COMPRESSION 1

static bool bit(const uint64_t *words, size_t i)
{
    return words[i / 64] >> (i % 64) & 1;
}

static uint8_t grey(const struct tile_image *tile, size_t i)
{
    if (!bit(tile->cells, i))
        return TILE_IMAGE_NO_CELL;
    if (!bit(tile->wrong, i))
        return bit(tile->state, i) ? TILE_IMAGE_P : TILE_IMAGE_AP;
    return tile->dead != NULL && bit(tile->dead, i) ? TILE_IMAGE_DEFECT
                                                    : TILE_IMAGE_WRONG;
}

/* ret_pixels: 64 for each word. */
static void paint(const struct tile_image *tile, uint8_t *ret_pixels)
{
    for (size_t i = 0; i < tile->n_words * 64; i++)
        ret_pixels[i] = grey(tile, i);
}

static uint32_t rows_of(const struct tile_image *tile)
{
    assert(tile->n_words <= MRAM_TILE_WORDS && tile->n_words % ROW_WORDS == 0);
    return (uint32_t)(tile->n_words / ROW_WORDS);
}

void tile_image_pgm(struct buf *buf, const struct tile_image *tile)
{
    uint8_t pixels[MRAM_TILE_CELLS];
    uint32_t n_rows = rows_of(tile);

    paint(tile, pixels);
    buf_printf(buf, "P5\n%d %u\n255\n", MRAM_TILE_COLUMNS, n_rows);
    buf_bytes(buf, pixels, tile->n_words * 64);
}

/* The picture has the right size and depth: only memory can fail. */
static int encode(spng_ctx *png, const uint8_t *pixels, uint32_t n_rows, void **ret_file,
                  size_t *ret_len)
{
    struct spng_ihdr ihdr = {
        .width = MRAM_TILE_COLUMNS,
        .height = n_rows,
        .bit_depth = 8,
        .color_type = SPNG_COLOR_TYPE_GRAYSCALE,
    };
    int code = spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);

    if (code == 0)
        code = spng_set_option(png, SPNG_IMG_COMPRESSION_LEVEL, COMPRESSION);
    if (code == 0)
        code = spng_set_ihdr(png, &ihdr);
    if (code == 0)
        code = spng_encode_image(png, pixels, (size_t)MRAM_TILE_COLUMNS * n_rows,
                                 SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    if (code == 0)
        *ret_file = spng_get_png_buffer(png, ret_len, &code);
    return code;
}

enum status tile_image_png(struct buf *buf, const struct tile_image *tile)
{
    /* Our own allocator, so that tests can make it fail. */
    struct spng_alloc alloc = { malloc, realloc, calloc, free };
    uint8_t pixels[MRAM_TILE_CELLS];
    uint32_t n_rows = rows_of(tile);
    void *file = NULL;
    size_t len = 0;

    spng_ctx *png = spng_ctx_new2(&alloc, SPNG_CTX_ENCODER);
    if (png == NULL) {
        buf->failed = true;
        return ST_NOMEM;
    }
    paint(tile, pixels);
    if (encode(png, pixels, n_rows, &file, &len) == 0)
        buf_bytes(buf, file, len);
    else
        buf->failed = true;
    free(file);
    spng_ctx_free(png);
    return buf->failed ? ST_NOMEM : ST_OK;
}
