/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/stage_net.h"

#include "core/bits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *room(size_t n, size_t size)
{
    void *p = calloc(n == 0 ? 1 : n, size);

    if (p == NULL)
        abort();
    return p;
}

/* splitmix64 */
uint64_t stage_net_draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t stage_net_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(stage_net_draw(state) % n);
}

static float draw_real(uint64_t *state)
{
    return (float)stage_net_below(state, 2001) / 1000.0F - 1.0F;
}

static float *draw_reals(size_t n, uint64_t *state)
{
    float *values = room(n, sizeof(*values));

    for (size_t i = 0; i < n; i++)
        values[i] = draw_real(state);
    return values;
}

static uint64_t *draw_rows(size_t n_rows, size_t n_bits, uint64_t *state)
{
    size_t n_words = bits_words(n_bits);
    uint64_t *rows = room(n_rows * n_words, sizeof(*rows));

    for (size_t i = 0; i < n_rows * n_words; i++)
        rows[i] = stage_net_draw(state) & bits_mask(n_bits, i % n_words);
    return rows;
}

/* -- Growing -- */

struct network *stage_net_new(const struct network_input *input)
{
    struct network *net = room(1, sizeof(*net));

    net->name = strdup("stages");
    net->description = strdup("");
    net->training = strdup("");
    net->test_set = strdup("");
    net->input = *input;
    net->layers = room(NETWORK_MAX_LAYERS, sizeof(*net->layers));
    net->stages = room(NETWORK_MAX_STAGES, sizeof(*net->stages));
    return net;
}

struct network_window stage_net_point(void)
{
    return (struct network_window) { .kernel_h = 1,
                                     .kernel_w = 1,
                                     .stride_h = 1,
                                     .stride_w = 1,
                                     .dilation_h = 1,
                                     .dilation_w = 1 };
}

struct network_window stage_net_whole(const struct network *net, uint32_t v)
{
    struct network_value value = network_value(net, v);
    struct network_window window = stage_net_point();

    window.kernel_h = value.height;
    window.kernel_w = value.width;
    return window;
}

static uint32_t add_stage(struct network *net, struct network_stage stage)
{
    if (net->n_stages == NETWORK_MAX_STAGES)
        abort();
    net->stages[net->n_stages++] = stage;
    return (uint32_t)net->n_stages;
}

static struct network_value moved(const struct network *net, uint32_t in,
                                  const struct network_window *w,
                                  enum network_value_kind kind, uint32_t channels)
{
    struct network_value value = network_value(net, in);

    value.height = network_window_out(value.height, w->kernel_h, w->stride_h,
                                      w->dilation_h, w->pad_top, w->pad_bottom);
    value.width = network_window_out(value.width, w->kernel_w, w->stride_w, w->dilation_w,
                                     w->pad_left, w->pad_right);
    value.kind = kind;
    value.channels = channels;
    return value;
}

/* Near the sums of random inputs, and sometimes where no sum comes. */
static int32_t some_threshold(size_t n_in, bool pixels, uint64_t *state)
{
    int32_t reach = 1;

    while ((size_t)reach * (size_t)reach < n_in)
        reach++;
    reach *= pixels ? 147 : 1;
    switch (stage_net_below(state, 16)) {
    case 0:
        return INT32_MIN;
    case 1:
        return INT32_MAX;
    default:
        return (int32_t)stage_net_below(state, 2 * (uint32_t)reach + 1) - reach;
    }
}

static void fill_layer(struct network_layer *layer, bool pixels, uint64_t *state)
{
    layer->weights = draw_rows(layer->n_out, layer->n_in, state);
    if (layer->kind == NETWORK_LOGITS) {
        layer->scale = draw_reals(layer->n_out, state);
        layer->bias = draw_reals(layer->n_out, state);
        return;
    }
    layer->falling = draw_rows(1, layer->n_out, state);
    layer->threshold = room(layer->n_out, sizeof(*layer->threshold));
    for (size_t j = 0; j < layer->n_out; j++)
        layer->threshold[j] = some_threshold(layer->n_in, pixels, state);
}

uint32_t stage_net_binary(struct network *net, uint32_t in, enum network_layer_kind kind,
                          struct network_window window, enum network_padding padding,
                          uint32_t groups, uint32_t n_out, uint64_t *state)
{
    struct network_value from = network_value(net, in);
    struct network_layer *layer = &net->layers[net->n_layers];
    char name[32];

    (void)snprintf(name, sizeof(name), "l%zu", net->n_layers);
    layer->name = strdup(name);
    layer->kind = kind;
    layer->n_in = (size_t)window.kernel_h * window.kernel_w * (from.channels / groups);
    layer->n_out = n_out;
    fill_layer(layer, from.kind == NETWORK_VALUE_PIXELS, state);
    return add_stage(
        net,
        (struct network_stage) {
            .op = NETWORK_OP_BINARY,
            .in = { in, 0 },
            .out = moved(net, in, &window,
                         kind == NETWORK_FIRE ? NETWORK_VALUE_BITS : NETWORK_VALUE_REALS,
                         n_out),
            .window = window,
            .padding = from.kind == NETWORK_VALUE_BITS ? padding : NETWORK_PAD_ZERO,
            .groups = groups,
            .layer = (uint32_t)net->n_layers++,
        });
}

uint32_t stage_net_real(struct network *net, uint32_t in, struct network_window window,
                        uint32_t groups, uint32_t n_out, uint64_t *state)
{
    struct network_value from = network_value(net, in);
    size_t n_a =
        (size_t)n_out * window.kernel_h * window.kernel_w * (from.channels / groups);

    return add_stage(net, (struct network_stage) {
                              .op = NETWORK_OP_REAL,
                              .in = { in, 0 },
                              .out = moved(net, in, &window, NETWORK_VALUE_REALS, n_out),
                              .window = window,
                              .groups = groups,
                              .n_a = n_a,
                              .n_b = n_out,
                              .a = draw_reals(n_a, state),
                              .b = draw_reals(n_out, state),
                          });
}

uint32_t stage_net_pool(struct network *net, enum network_op op, uint32_t in,
                        struct network_window window, bool count_outside, uint64_t *state)
{
    struct network_value from = network_value(net, in);
    bool bits = op == NETWORK_OP_POOL_BITS;

    return add_stage(net, (struct network_stage) {
                              .op = op,
                              .in = { in, 0 },
                              .out = moved(net, in, &window, from.kind, from.channels),
                              .window = window,
                              .count_outside = count_outside,
                              .mask = bits ? draw_rows(1, from.channels, state) : NULL,
                          });
}

uint32_t stage_net_elements(struct network *net, enum network_op op, uint32_t in,
                            uint64_t *state)
{
    struct network_value value = network_value(net, in);
    size_t n = value.channels;
    struct network_stage stage = { .op = op, .in = { in, 0 }, .out = value };

    stage.out.kind = op == NETWORK_OP_SIGN ? NETWORK_VALUE_BITS : NETWORK_VALUE_REALS;
    if (op == NETWORK_OP_AFFINE || op == NETWORK_OP_SLOPE || op == NETWORK_OP_SIGN) {
        stage.n_a = n;
        stage.a = draw_reals(n, state);
    }
    if (op == NETWORK_OP_AFFINE) {
        stage.n_b = n;
        stage.b = draw_reals(n, state);
    }
    if (op == NETWORK_OP_SIGN) {
        stage.mask = draw_rows(1, n, state);
        stage.strict = stage_net_below(state, 2) == 1;
    }
    if (op == NETWORK_OP_CLIP) {
        stage.low = draw_real(state);
        stage.high = stage.low + 1.0F;
    }
    return add_stage(net, stage);
}

uint32_t stage_net_two(struct network *net, enum network_op op, uint32_t a, uint32_t b)
{
    struct network_stage stage = { .op = op,
                                   .in = { a, b },
                                   .out = network_value(net, a) };

    if (op == NETWORK_OP_CONCAT)
        stage.out.channels += network_value(net, b).channels;
    return add_stage(net, stage);
}

void stage_net_finish(struct network *net)
{
    net->n_classes = network_value(net, net->n_stages).channels;
    net->labels = room(net->n_classes, sizeof(*net->labels));
    for (size_t i = 0; i < net->n_classes; i++)
        net->labels[i] = strdup("label");
}

struct network *stage_net_every_op(uint64_t seed)
{
    const struct network_input input = { .height = 8,
                                         .width = 7,
                                         .channels = 3,
                                         .bgr = true,
                                         .fit = NETWORK_CROP,
                                         .resize = 9 };
    struct network *net = stage_net_new(&input);
    struct network_window three = stage_net_point(), two = stage_net_point();

    three.kernel_h = three.kernel_w = 3;
    three.pad_top = three.pad_bottom = three.pad_left = three.pad_right = 1;
    two.kernel_h = two.kernel_w = two.stride_h = two.stride_w = 2;

    uint32_t bits =
        stage_net_binary(net, 0, NETWORK_FIRE, three, NETWORK_PAD_ZERO, 1, 12, &seed);
    bits =
        stage_net_binary(net, bits, NETWORK_FIRE, three, NETWORK_PAD_PLUS, 2, 8, &seed);
    bits = stage_net_pool(net, NETWORK_OP_POOL_BITS, bits, two, false, &seed);
    uint32_t real = stage_net_elements(net, NETWORK_OP_REALS, bits, &seed);
    uint32_t sums =
        stage_net_binary(net, bits, NETWORK_LOGITS, three, NETWORK_PAD_ZERO, 1, 8, &seed);
    sums = stage_net_two(net, NETWORK_OP_ADD, sums, real);
    sums = stage_net_elements(net, NETWORK_OP_AFFINE, sums, &seed);
    sums = stage_net_elements(net, NETWORK_OP_SLOPE, sums, &seed);
    sums = stage_net_elements(net, NETWORK_OP_CLIP, sums, &seed);
    uint32_t most = stage_net_pool(net, NETWORK_OP_POOL_MAX, sums, two, false, &seed);
    uint32_t mean = stage_net_pool(net, NETWORK_OP_POOL_MEAN, sums, two, true, &seed);
    sums = stage_net_two(net, NETWORK_OP_CONCAT, most, mean);
    bits = stage_net_elements(net, NETWORK_OP_SIGN, sums, &seed);
    (void)stage_net_real(net, bits, stage_net_whole(net, bits), 1, 4, &seed);
    stage_net_finish(net);
    return net;
}

/* -- The slow way -- */

/* Every value as numbers, [height][width][channels]. */
struct slow {
    const struct network *net;
    uint64_t *const *layer_bits;
    struct network_value shapes[NETWORK_MAX_STAGES + 1];
    float *values[NETWORK_MAX_STAGES + 1];
};

/* The channels at (y, x), or NULL outside. */
static const float *at(const struct slow *s, size_t v, int64_t y, int64_t x)
{
    const struct network_value *shape = &s->shapes[v];

    if (y < 0 || x < 0 || y >= shape->height || x >= shape->width)
        return NULL;
    return &s->values[v][((size_t)y * shape->width + (size_t)x) * shape->channels];
}

static int64_t row_of(const struct network_window *w, size_t y, uint32_t tap)
{
    return (int64_t)(y * w->stride_h) - w->pad_top + (int64_t)tap * w->dilation_h;
}

static int64_t column_of(const struct network_window *w, size_t x, uint32_t tap)
{
    return (int64_t)(x * w->stride_w) - w->pad_left + (int64_t)tap * w->dilation_w;
}

/* Output j at (y, x) of a stage with products. */
static float slow_product(const struct slow *s, const struct network_stage *stage,
                          size_t y, size_t x, size_t j)
{
    struct network_value in = s->shapes[stage->in[0]];
    const struct network_window *w = &stage->window;
    size_t n = in.channels / stage->groups;
    size_t first = j / (stage->out.channels / stage->groups) * n;
    bool binary = stage->op == NETWORK_OP_BINARY;
    size_t n_in = (size_t)w->kernel_h * w->kernel_w * n, i = 0;
    const uint64_t *row =
        binary ? s->layer_bits[stage->layer] + j * bits_words(n_in) : NULL;
    float outside = stage->padding == NETWORK_PAD_MINUS  ? -1.0F
                    : stage->padding == NETWORK_PAD_PLUS ? 1.0F
                                                         : 0.0F;
    float sum = 0.0F;
    int64_t exact = 0;

    for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < w->kernel_w; kx++) {
            const float *from =
                at(s, stage->in[0], row_of(w, y, ky), column_of(w, x, kx));

            for (size_t c = 0; c < n; c++, i++) {
                float value = from == NULL ? outside : from[first + c];
                float weight = !binary            ? stage->a[j * n_in + i]
                               : bits_get(row, i) ? 1.0F
                                                  : -1.0F;

                sum += weight * value;
                exact += in.kind == NETWORK_VALUE_REALS ? 0 : (int64_t)(weight * value);
            }
        }
    }
    if (!binary)
        return sum + stage->b[j];

    const struct network_layer *layer = &s->net->layers[stage->layer];
    if (layer->kind == NETWORK_FIRE)
        return (bits_get(layer->falling, j) ? exact <= layer->threshold[j]
                                            : exact >= layer->threshold[j])
                   ? 1.0F
                   : -1.0F;
    double value = in.kind == NETWORK_VALUE_REALS ? (double)sum : (double)exact;
    return (float)((double)layer->scale[j] * value + (double)layer->bias[j]);
}

static float slow_pool(const struct slow *s, const struct network_stage *stage, size_t y,
                       size_t x, size_t c)
{
    const struct network_window *w = &stage->window;
    float most = 0.0F, least = 0.0F, sum = 0.0F;
    unsigned n = 0;

    for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < w->kernel_w; kx++) {
            const float *from =
                at(s, stage->in[0], row_of(w, y, ky), column_of(w, x, kx));

            if (from == NULL)
                continue;
            most = n == 0 || from[c] > most ? from[c] : most;
            least = n == 0 || from[c] < least ? from[c] : least;
            sum += from[c];
            n++;
        }
    }
    if (stage->op == NETWORK_OP_POOL_BITS)
        return bits_get(stage->mask, c) ? least : most;
    if (stage->op == NETWORK_OP_POOL_MAX)
        return most;
    return sum / (float)(stage->count_outside ? w->kernel_h * w->kernel_w : n);
}

static float slow_element(const struct slow *s, const struct network_stage *stage,
                          size_t y, size_t x, size_t c)
{
    size_t n = s->shapes[stage->in[0]].channels;

    if (stage->op == NETWORK_OP_CONCAT && c >= n)
        return at(s, stage->in[1], (int64_t)y, (int64_t)x)[c - n];

    float value = at(s, stage->in[0], (int64_t)y, (int64_t)x)[c];
    switch (stage->op) {
    case NETWORK_OP_AFFINE:
        return stage->a[c] * value + stage->b[c];
    case NETWORK_OP_SLOPE:
        return value >= 0.0F ? value : stage->a[c] * value;
    case NETWORK_OP_CLIP:
        return value < stage->low    ? stage->low
               : value > stage->high ? stage->high
                                     : value;
    case NETWORK_OP_SIGN: {
        float sign = bits_get(stage->mask, c) ? -1.0F : 1.0F;
        float over = sign * value, limit = sign * stage->a[c];
        return (stage->strict ? over > limit : over >= limit) ? 1.0F : -1.0F;
    }
    case NETWORK_OP_ADD:
        return value + at(s, stage->in[1], (int64_t)y, (int64_t)x)[c];
    default:
        return value;
    }
}

static void slow_stage(struct slow *s, size_t i)
{
    const struct network_stage *stage = &s->net->stages[i];
    const struct network_value *out = &stage->out;
    float *to = s->values[i + 1] = room(network_value_size(out), sizeof(*to));

    for (size_t y = 0; y < out->height; y++) {
        for (size_t x = 0; x < out->width; x++) {
            for (size_t c = 0; c < out->channels; c++) {
                switch (stage->op) {
                case NETWORK_OP_BINARY:
                case NETWORK_OP_REAL:
                    *to++ = slow_product(s, stage, y, x, c);
                    break;
                case NETWORK_OP_POOL_BITS:
                case NETWORK_OP_POOL_MAX:
                case NETWORK_OP_POOL_MEAN:
                    *to++ = slow_pool(s, stage, y, x, c);
                    break;
                default:
                    *to++ = slow_element(s, stage, y, x, c);
                    break;
                }
            }
        }
    }
}

void stage_net_slow(const struct network *net, uint64_t *const *layer_bits,
                    const uint8_t *pixels, float *ret_logits)
{
    struct slow *s = room(1, sizeof(*s));
    size_t n = network_inputs(net);

    s->net = net;
    s->layer_bits = layer_bits;
    for (size_t v = 0; v <= net->n_stages; v++)
        s->shapes[v] = network_value(net, v);
    s->values[0] = room(n, sizeof(float));
    for (size_t i = 0; i < n; i++) {
        bool on = pixels[i] >= net->input.threshold;

        s->values[0][i] = net->input.encoding == NETWORK_PIXELS ? pixels[i]
                          : on                                  ? 1.0F
                                                                : -1.0F;
    }
    for (size_t i = 0; i < net->n_stages; i++)
        slow_stage(s, i);
    memcpy(ret_logits, s->values[net->n_stages], net->n_classes * sizeof(float));
    for (size_t v = 0; v <= net->n_stages; v++)
        free(s->values[v]);
    free(s);
}
