/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of what is done to an array. */
#include "api/array_json.h"
#include "api/state_json.h"

#define PICO 1e-12

/* -- What they share -- */

static bool layer_pairs(const struct array_view *view, size_t layer)
{
    return operating_points_at(view->points, layer).pairs;
}

static bool layer_physics(const struct array_view *view, size_t layer)
{
    return operating_points_at(view->points, layer).mode != MRAM_IID;
}

static bool any(const struct array_view *view,
                bool (*of_layer)(const struct array_view *view, size_t layer))
{
    for (size_t l = 0; l < view->net->n_layers; l++)
        if (of_layer(view, l))
            return true;
    return false;
}

static void put_head(struct buf *buf, const struct array_view *view,
                     enum mram_cause cause)
{
    state_json_model(buf, view->model, view->net);
    state_json_count(buf, ",\"generation\":", view->generation);
    state_json_text(buf, ",\"cause\":", mram_cause_name(cause));
}

static void put_before(struct buf *buf, const struct array_view *view)
{
    struct mram_state sum = mram_state_sum(view->before, view->net->n_layers);

    state_json_write(buf, ",\"before\":", &sum, any(view, layer_pairs));
}

static void open_layer(struct buf *buf, const struct network *net, size_t layer)
{
    state_json_text(buf,
                    layer == 0 ? "{\"name\":" : ",{\"name\":", net->layers[layer].name);
    buf_char(buf, ',');
}

/* ,"result":{state,"layers":[ */
static void open_result(struct buf *buf, const struct array_view *view)
{
    struct mram_state sum = mram_state_sum(view->states, view->net->n_layers);

    buf_text(buf, ",\"result\":{");
    state_json_members(buf, &sum, any(view, layer_pairs));
    buf_text(buf, ",\"layers\":[");
}

static void close_result(struct buf *buf, const struct array_view *view)
{
    buf_text(buf, "]}");
    state_json_flag(buf, ",\"durable\":", view->durable);
    buf_char(buf, '}');
}

/* -- scrub -- */

void array_json_write_scrub(struct buf *buf, const struct array_view *view,
                            const struct array_scrubbed *scrubbed)
{
    size_t n = view->net->n_layers;
    struct mram_result result = mram_result_sum(scrubbed->results, n);
    struct mram_state state = mram_state_sum(view->states, n);
    bool physics = any(view, layer_physics);

    put_head(buf, view, MRAM_SCRUBBED);
    put_before(buf, view);
    state_json_count(buf, ",\"restored_cells\":", scrubbed->restored_cells);
    state_json_energy(buf, &result.energy, physics);
    buf_text(buf, ",\"result\":{");
    state_json_outcome(buf, &state, &result, any(view, layer_pairs), physics);
    buf_text(buf, ",\"layers\":[");
    for (size_t l = 0; l < n; l++) {
        open_layer(buf, view->net, l);
        state_json_outcome(buf, &view->states[l], &scrubbed->results[l],
                           layer_pairs(view, l), layer_physics(view, l));
        buf_char(buf, '}');
    }
    close_result(buf, view);
}

/* -- age -- */

static struct mram_drifted drifted_sum(const struct mram_drifted *drifted, size_t n)
{
    struct mram_drifted sum = { { 0 }, { 0.0 } };

    for (size_t l = 0; l < n; l++) {
        for (unsigned d = 0; d < 2; d++) {
            sum.flipped[d] += drifted[l].flipped[d];
            sum.expected[d] += drifted[l].expected[d];
        }
    }
    return sum;
}

static void put_drifted(struct buf *buf, const struct mram_drifted *drifted)
{
    state_json_counts(buf, ",\"flipped\":", state_json_origin_names, drifted->flipped);
    state_json_pair(buf, ",\"expected\":", state_json_origin_names, drifted->expected);
}

void array_json_write_age(struct buf *buf, const struct array_view *view,
                          const struct array_aged *aged)
{
    struct mram_drifted sum = drifted_sum(aged->drifted, view->net->n_layers);

    put_head(buf, view, MRAM_AGED);
    state_json_number(buf, ",\"seconds\":", aged->seconds);
    state_json_number(buf, ",\"temperature_k\":", aged->temperature_k);
    put_drifted(buf, &sum);
    state_json_number(buf, ",\"age_s\":", aged->age_s);
    put_before(buf, view);
    open_result(buf, view);
    for (size_t l = 0; l < view->net->n_layers; l++) {
        open_layer(buf, view->net, l);
        state_json_members(buf, &view->states[l], layer_pairs(view, l));
        put_drifted(buf, &aged->drifted[l]);
        buf_char(buf, '}');
    }
    close_result(buf, view);
}

/* -- inject -- */

void array_json_write_inject(struct buf *buf, const struct array_view *view,
                             const struct array_injected *injected)
{
    put_head(buf, view, MRAM_INJECTED);
    state_json_count(buf, ",\"flipped\":", injected->flipped);
    state_json_count(buf, ",\"stuck\":", injected->stuck);
    put_before(buf, view);
    open_result(buf, view);
    for (size_t l = 0; l < view->net->n_layers; l++) {
        open_layer(buf, view->net, l);
        state_json_members(buf, &view->states[l], layer_pairs(view, l));
        buf_char(buf, '}');
    }
    close_result(buf, view);
}

/* -- diff -- */

/* Of independent faults, as many as the product of both shares. */
static double expected_both(const struct network *net,
                            const struct array_difference *differences, size_t first,
                            size_t n)
{
    double expected = 0.0;

    for (size_t l = first; l < first + n; l++) {
        double weights = (double)net->layers[l].n_in * (double)net->layers[l].n_out;

        expected +=
            (double)differences[l].wrong_a * (double)differences[l].wrong_b / weights;
    }
    return expected;
}

static void put_difference(struct buf *buf, const char *lead,
                           const struct array_difference *d, double expected)
{
    buf_text(buf, lead);
    state_json_count(buf, "\"wrong_a\":", d->wrong_a);
    state_json_count(buf, ",\"wrong_b\":", d->wrong_b);
    state_json_count(buf, ",\"both\":", d->both);
    state_json_count(buf, ",\"only_a\":", d->wrong_a - d->both);
    state_json_count(buf, ",\"only_b\":", d->wrong_b - d->both);
    state_json_number(buf, ",\"expected_both_if_independent\":", expected);
}

static void put_places(struct buf *buf, const struct array_difference *d)
{
    buf_text(buf, ",\"bits\":[");
    for (size_t i = 0; i < d->n_places; i++) {
        state_json_count(buf, i == 0 ? "{\"row\":" : ",{\"row\":", d->places[i].row);
        state_json_count(buf, ",\"column\":", d->places[i].column);
        buf_char(buf, '}');
    }
    buf_char(buf, ']');
}

void array_json_write_diff(struct buf *buf, const struct array_diff *diff)
{
    size_t n = diff->net->n_layers;
    struct array_difference sum = { 0 };

    for (size_t l = 0; l < n; l++) {
        sum.wrong_a += diff->layers[l].wrong_a;
        sum.wrong_b += diff->layers[l].wrong_b;
        sum.both += diff->layers[l].both;
    }
    state_json_model(buf, diff->model, diff->net);
    state_json_count(buf, ",\"a\":", diff->a);
    state_json_count(buf, ",\"b\":", diff->b);
    put_difference(buf, ",", &sum, expected_both(diff->net, diff->layers, 0, n));
    buf_text(buf, ",\"layers\":[");
    for (size_t l = 0; l < n; l++) {
        open_layer(buf, diff->net, l);
        put_difference(buf, "", &diff->layers[l],
                       expected_both(diff->net, diff->layers, l, 1));
        put_places(buf, &diff->layers[l]);
        buf_char(buf, '}');
    }
    buf_text(buf, "]}");
}

/* -- energy -- */

static void put_joules(struct buf *buf, const char *lead, const struct energy *energy)
{
    buf_text(buf, lead);
    for (enum energy_kind kind = 0; kind < ENERGY_KINDS; kind++) {
        buf_char(buf, kind == 0 ? '{' : ',');
        buf_json_string(buf, energy_name(kind));
        state_json_number(buf, ":", energy->pj[kind] * PICO);
    }
    state_json_number(buf, ",\"total\":", energy_sum(energy) * PICO);
    buf_char(buf, '}');
}

static void put_per_image(struct buf *buf, const struct energy *energy)
{
    const double *pj = energy->pj;

    state_json_number(buf, ",\"per_image_pj\":{\"read\":", pj[ENERGY_READ]);
    state_json_number(buf, ",\"decode\":", pj[ENERGY_DECODE]);
    state_json_number(buf, ",\"compute\":", pj[ENERGY_COMPUTE]);
    state_json_number(
        buf, ",\"total\":", pj[ENERGY_READ] + pj[ENERGY_DECODE] + pj[ENERGY_COMPUTE]);
    buf_char(buf, '}');
}

void array_json_write_energy(struct buf *buf, const struct array_energy *energy)
{
    struct energy sum = { .pj = { 0.0 } };

    for (size_t l = 0; l < energy->net->n_layers; l++)
        energy_add(&sum, &energy->layers[l]);
    state_json_model(buf, energy->model, energy->net);
    state_json_time(buf, ",\"since\":", energy->since_s);
    put_joules(buf, ",\"joules\":", &sum);
    buf_text(buf, ",\"layers\":[");
    for (size_t l = 0; l < energy->net->n_layers; l++) {
        open_layer(buf, energy->net, l);
        put_joules(buf, "\"joules\":", &energy->layers[l]);
        buf_char(buf, '}');
    }
    buf_char(buf, ']');
    put_per_image(buf, &energy->per_image);
    state_json_number(buf,
                      ",\"operations\":{\"bit_operation_fj\":", energy->bit_operation_fj);
    state_json_number(buf, ",\"threshold_fj\":", energy->threshold_fj);
    state_json_number(buf, ",\"logit_fj\":", energy->logit_fj);
    buf_text(buf, "}}");
}
