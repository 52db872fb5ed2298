/* SPDX-License-Identifier: Apache-2.0 */
/* What the logits say, and what they cost. */
#include "core/infer.h"

#include <assert.h>
#include <math.h>

void infer_rank(const float *logits, size_t n_classes, size_t top, uint32_t *ret_classes)
{
    size_t n = 0;

    assert(top >= 1 && top <= n_classes);
    for (size_t c = 0; c < n_classes; c++) {
        size_t place = n;

        while (place > 0 && logits[c] > logits[ret_classes[place - 1]])
            place--;
        if (place == top)
            continue;
        if (n < top)
            n++;
        for (size_t i = n - 1; i > place; i--)
            ret_classes[i] = ret_classes[i - 1];
        ret_classes[place] = (uint32_t)c;
    }
}

void infer_probabilities(const float *logits, size_t n_classes, float *ret_p)
{
    float max = logits[0];
    double sum = 0.0;

    for (size_t c = 1; c < n_classes; c++)
        max = logits[c] > max ? logits[c] : max;
    for (size_t c = 0; c < n_classes; c++) {
        double weight = exp((double)logits[c] - (double)max);

        sum += weight;
        ret_p[c] = (float)weight;
    }
    for (size_t c = 0; c < n_classes; c++)
        ret_p[c] = (float)((double)ret_p[c] / sum);
}

double infer_compute_pj(const struct network *net, size_t layer,
                        const struct infer_costs *costs)
{
    const struct network_layer *l = &net->layers[layer];
    bool fires = l->kind == NETWORK_FIRE;

    return ((double)network_layer_bit_operations(net, layer) * costs->bit_operation_fj +
            (double)l->n_out * (double)network_layer_places(net, layer) *
                (fires ? costs->threshold_fj : costs->logit_fj)) /
           1000.0;
}
