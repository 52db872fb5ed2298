/* SPDX-License-Identifier: Apache-2.0 */
#include "core/infer_stage.h"

bool infer_is_dense(const struct network *net, const struct network_stage *stage)
{
    struct network_value in = network_value(net, stage->in[0]);
    const struct network_window *w = &stage->window;

    return stage->op == NETWORK_OP_BINARY && stage->groups == 1 &&
           w->kernel_h == in.height && w->kernel_w == in.width &&
           (w->pad_top | w->pad_bottom | w->pad_left | w->pad_right) == 0;
}

bool infer_input_is_packed(const struct network *net)
{
    for (size_t i = 0; i < net->n_stages; i++) {
        const struct network_stage *stage = &net->stages[i];
        bool takes_two = stage->op == NETWORK_OP_ADD || stage->op == NETWORK_OP_CONCAT;

        if ((stage->in[0] == 0 || (takes_two && stage->in[1] == 0)) &&
            !infer_is_dense(net, stage))
            return false;
    }
    return true;
}

struct infer_map infer_map_of(const struct network *net, size_t v)
{
    struct infer_map map = { .value = network_value(net, v) };
    size_t size = network_value_size(&map.value);

    map.packed =
        v == 0 && map.value.kind == NETWORK_VALUE_BITS && infer_input_is_packed(net);
    if (map.value.kind != NETWORK_VALUE_BITS)
        map.stride = size;
    else
        map.stride = map.packed
                         ? bits_words(size)
                         : infer_places(&map.value) * bits_words(map.value.channels);
    return map;
}
