/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_graph.h"

#include "storage/onnx_constant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES  65536
#define MAX_VALUES ((size_t)1 << 18)

/* Memory of protobuf-c comes from here, so that its failures can be told from bad bytes.
 */
struct counted {
    ProtobufCAllocator allocator;
    bool failed;
};

static void *counted_alloc(void *data, size_t len)
{
    struct counted *counted = data;
    void *p = malloc(len == 0 ? 1 : len);

    counted->failed |= p == NULL;
    return p;
}

static void counted_free(void *data, void *p)
{
    (void)data;
    free(p);
}

static const char *copy_bytes(struct onnx_context *ctx, const void *bytes, size_t len)
{
    char *copy = onnx_new(ctx, len + 1, 1);

    if (copy != NULL && len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

static const char *copy_string(struct onnx_context *ctx, const char *s)
{
    return s == NULL ? "" : copy_bytes(ctx, s, strlen(s));
}

/* -- Attributes -- */

static enum onnx_attribute_kind kind_of(const Onnx__AttributeProto *from)
{
    switch (from->type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        return ONNX_ATTRIBUTE_INT;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        return ONNX_ATTRIBUTE_FLOAT;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        return ONNX_ATTRIBUTE_STRING;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        return ONNX_ATTRIBUTE_INTS;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        return ONNX_ATTRIBUTE_FLOATS;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        return ONNX_ATTRIBUTE_TENSOR;
    default:
        return ONNX_ATTRIBUTE_OTHER;
    }
}

static bool read_attribute(struct onnx_context *ctx, const Onnx__AttributeProto *from,
                           const struct onnx_node *node, struct onnx_attribute *to)
{
    to->name = copy_string(ctx, from->name);
    to->kind = kind_of(from);
    if (to->name == NULL)
        return false;
    switch (to->kind) {
    case ONNX_ATTRIBUTE_INT:
        to->i = from->i;
        return true;
    case ONNX_ATTRIBUTE_FLOAT:
        to->f = from->f;
        return true;
    case ONNX_ATTRIBUTE_STRING:
        to->string = copy_bytes(ctx, from->s.data, from->s.len);
        return to->string != NULL;
    case ONNX_ATTRIBUTE_INTS:
    case ONNX_ATTRIBUTE_FLOATS: {
        bool ints = to->kind == ONNX_ATTRIBUTE_INTS;
        size_t size = ints ? sizeof(int64_t) : sizeof(float);

        to->n = ints ? from->n_ints : from->n_floats;
        void *copy = onnx_new(ctx, to->n, size);
        if (copy == NULL)
            return false;
        if (to->n > 0)
            memcpy(copy, ints ? (const void *)from->ints : from->floats, to->n * size);
        to->ints = ints ? copy : NULL;
        to->floats = ints ? NULL : copy;
        return true;
    }
    case ONNX_ATTRIBUTE_TENSOR:
        if (from->t == NULL)
            return onnx_refuse(ctx, ONNX_CODE_SYNTAX, node, "a tensor",
                               "attribute '%.60s' is empty", to->name);
        to->tensor = onnx_constant_read(ctx, from->t, node, to->name);
        return to->tensor != NULL;
    default:
        return onnx_refuse(
            ctx, ONNX_CODE_OPERATOR, node, "numbers, strings and dense tensors",
            "attribute '%.60s' is a graph, a sparse tensor or a list", to->name);
    }
}

const struct onnx_attribute *onnx_node_attribute(const struct onnx_node *node,
                                                 const char *name)
{
    for (size_t i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}

static bool of_kind(struct onnx_context *ctx, const struct onnx_node *node,
                    const char *name, enum onnx_attribute_kind kind,
                    const struct onnx_attribute **ret)
{
    *ret = onnx_node_attribute(node, name);
    if (*ret == NULL || (*ret)->kind == kind)
        return true;
    return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "the kind that ONNX names",
                       "attribute '%.60s' is of another kind", name);
}

bool onnx_node_int(struct onnx_context *ctx, const struct onnx_node *node,
                   const char *name, int64_t absent, int64_t *ret)
{
    const struct onnx_attribute *a;

    if (!of_kind(ctx, node, name, ONNX_ATTRIBUTE_INT, &a))
        return false;
    *ret = a == NULL ? absent : a->i;
    return true;
}

bool onnx_node_float(struct onnx_context *ctx, const struct onnx_node *node,
                     const char *name, float absent, float *ret)
{
    const struct onnx_attribute *a;

    if (!of_kind(ctx, node, name, ONNX_ATTRIBUTE_FLOAT, &a))
        return false;
    *ret = a == NULL ? absent : a->f;
    return true;
}

bool onnx_node_string(struct onnx_context *ctx, const struct onnx_node *node,
                      const char *name, const char *absent, const char **ret)
{
    const struct onnx_attribute *a;

    if (!of_kind(ctx, node, name, ONNX_ATTRIBUTE_STRING, &a))
        return false;
    *ret = a == NULL ? absent : a->string;
    return true;
}

bool onnx_node_ints(struct onnx_context *ctx, const struct onnx_node *node,
                    const char *name, const int64_t **ret_ints, size_t *ret_n)
{
    const struct onnx_attribute *a;

    if (!of_kind(ctx, node, name, ONNX_ATTRIBUTE_INTS, &a))
        return false;
    *ret_ints = a == NULL ? NULL : a->ints;
    *ret_n = a == NULL ? 0 : a->n;
    return true;
}

/* -- Names -- */

struct named {
    const char *name;
    size_t value;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* ONNX_NONE: nobody of this name. */
static size_t find_name(const struct named *table, size_t n, const char *name)
{
    struct named key = { .name = name };
    const struct named *found = bsearch(&key, table, n, sizeof(*table), by_name);

    return found == NULL ? ONNX_NONE : found->value;
}

static bool sort_names(struct onnx_context *ctx, struct named *table, size_t n)
{
    qsort(table, n, sizeof(*table), by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(table[i - 1].name, table[i].name) == 0)
            return onnx_refuse(ctx, ONNX_CODE_SYNTAX, NULL, "each name made once",
                               "two values are named '%.150s'", table[i].name);
    return true;
}

/* -- The parts of the file -- */

static bool check_versions(struct onnx_context *ctx, const Onnx__ModelProto *model,
                           struct onnx_graph *graph)
{
    graph->ir = model->ir_version;
    if (graph->ir < ONNX_MIN_IR || graph->ir > ONNX_MAX_IR)
        return onnx_refuse(ctx, ONNX_CODE_VERSION, NULL, "IR versions 3 to 13",
                           "IR version %lld", (long long)graph->ir);
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = model->opset_import[i];
        bool standard = set->domain == NULL || set->domain[0] == '\0' ||
                        strcmp(set->domain, "ai.onnx") == 0;

        if (standard && set->version > graph->opset)
            graph->opset = set->version;
    }
    if (graph->opset < ONNX_MIN_OPSET || graph->opset > ONNX_MAX_OPSET)
        return onnx_refuse(ctx, ONNX_CODE_VERSION, NULL, "opsets 7 to 25", "opset %lld",
                           (long long)graph->opset);
    if (model->n_functions > 0)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, NULL, "no functions of its own",
                           "the file defines %zu functions", model->n_functions);
    if (model->n_training_info > 0)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, NULL, "a graph for inference",
                           "the file holds training information");
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *p = model->metadata_props[i];

        if (p->key != NULL && p->value != NULL &&
            strcmp(p->key, "Image.NominalPixelRange") == 0 &&
            (graph->pixel_range = copy_string(ctx, p->value)) == NULL)
            return false;
    }
    return true;
}

static bool check_sizes(struct onnx_context *ctx, const Onnx__GraphProto *from)
{
    size_t n = from->n_initializer + from->n_input;

    if (from->n_node > MAX_NODES)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "at most 65536 nodes", "%zu nodes",
                           from->n_node);
    for (size_t i = 0; i < from->n_node; i++)
        n += from->node[i]->n_output;
    if (n > MAX_VALUES)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "at most 262144 values",
                           "%zu values", n);
    if (from->n_sparse_initializer > 0)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, NULL, "dense tensors",
                           "%zu sparse initialisers", from->n_sparse_initializer);
    return true;
}

/* Of the types that hold 0..255. */
static bool read_input_type(struct onnx_context *ctx, int32_t type, const char *name,
                            struct onnx_graph *graph)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        graph->input_is_bytes = true;
        break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        break;
    default:
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, NULL, "floats, bytes, integers",
                           "input '%.150s' has elements of type %d", name, (int)type);
    }
    graph->input_is_whole = true;
    return true;
}

static bool read_input(struct onnx_context *ctx, const Onnx__ValueInfoProto *from,
                       struct onnx_graph *graph)
{
    const Onnx__TypeProto__Tensor *tensor =
        from->type != NULL &&
                from->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? from->type->tensor_type
            : NULL;

    if (tensor == NULL || tensor->shape == NULL)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "an input with its shape",
                           "input '%.150s' has no shape", from->name);
    if (!read_input_type(ctx, tensor->elem_type, from->name, graph))
        return false;
    graph->input_rank = tensor->shape->n_dim;
    if (graph->input_rank == 0 || graph->input_rank > 4)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "a picture: 1 to 4 dimensions",
                           "input '%.150s' has %zu dimensions", from->name,
                           graph->input_rank);
    for (size_t i = 0; i < graph->input_rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = tensor->shape->dim[i];
        bool number =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
            dim->dim_value > 0;

        if (!number && (i > 0 || graph->input_rank == 1))
            return onnx_refuse(
                ctx, ONNX_CODE_SHAPE, NULL, "numbers in every place but the first",
                "dimension %zu of input '%.100s' is not a number", i, from->name);
        graph->input_dims[i] = number ? dim->dim_value : ONNX_FREE_DIM;
    }
    return true;
}

static bool read_node(struct onnx_context *ctx, const Onnx__NodeProto *from,
                      size_t position, struct onnx_node *node)
{
    static const char *const quant[] = { "onnx.brevitas", "qonnx.custom_op.general",
                                         "finn.custom_op.general" };

    node->position = position;
    node->name = copy_string(ctx, from->name);
    node->op = copy_string(ctx, from->op_type);
    node->domain_name = copy_string(ctx, from->domain);
    if (node->name == NULL || node->op == NULL || node->domain_name == NULL)
        return false;
    node->domain =
        node->domain_name[0] == '\0' || strcmp(node->domain_name, "ai.onnx") == 0
            ? ONNX_DOMAIN_ONNX
            : ONNX_DOMAIN_OTHER;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(node->domain_name, quant[i]) == 0)
            node->domain = ONNX_DOMAIN_QUANT;
    node->in = onnx_new(ctx, from->n_input, sizeof(*node->in));
    node->out = onnx_new(ctx, from->n_output, sizeof(*node->out));
    node->outputs = onnx_new(ctx, from->n_output, sizeof(*node->outputs));
    node->attributes = onnx_new(ctx, from->n_attribute, sizeof(*node->attributes));
    if (node->in == NULL || node->out == NULL || node->outputs == NULL ||
        node->attributes == NULL)
        return false;
    node->n_inputs = from->n_input;
    for (size_t i = 0; i < from->n_output; i++) {
        node->outputs[i] = copy_string(ctx, from->output[i]);
        if (node->outputs[i] == NULL)
            return false;
        node->n_outputs++;
    }
    for (size_t i = 0; i < from->n_attribute; i++)
        if (!read_attribute(ctx, from->attribute[i], node, &node->attributes[i]))
            return false;
    node->n_attributes = from->n_attribute;
    return true;
}

/* Gives every initialiser, input and output of a node its value. */
static bool read_values(struct onnx_context *ctx, const Onnx__GraphProto *from,
                        struct onnx_graph *graph, struct named *table)
{
    size_t n = 0, inputs = 0;

    for (size_t i = 0; i < from->n_initializer; i++) {
        const Onnx__TensorProto *t = from->initializer[i];
        const char *name = copy_string(ctx, t->name);

        if (name == NULL)
            return false;
        const struct onnx_tensor *constant = onnx_constant_read(ctx, t, NULL, name);
        if (constant == NULL)
            return false;
        graph->n_constant += constant->n;
        graph->values[n] = (struct onnx_value) { name, constant, ONNX_NONE };
        table[n] = (struct named) { name, n };
        n++;
    }
    if (!sort_names(ctx, table, n))
        return false;
    size_t n_constants = n;
    for (size_t i = 0; i < from->n_input; i++) {
        const char *name = copy_string(ctx, from->input[i]->name);

        if (name == NULL)
            return false;
        if (find_name(table, n_constants, name) != ONNX_NONE)
            continue;
        if (inputs++ > 0)
            return onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "one input",
                               "a second input, '%.150s'", name);
        if (!read_input(ctx, from->input[i], graph))
            return false;
        graph->input = n;
        graph->values[n] = (struct onnx_value) { name, NULL, ONNX_NONE };
        table[n] = (struct named) { name, n };
        n++;
    }
    if (inputs == 0)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "one input", "no input");
    for (size_t k = 0; k < graph->n_nodes; k++)
        for (size_t i = 0; i < graph->nodes[k].n_outputs; i++) {
            const char *name = graph->nodes[k].outputs[i];

            graph->nodes[k].out[i] = ONNX_NONE;
            if (name[0] == '\0')
                continue;
            graph->nodes[k].out[i] = n;
            graph->values[n] = (struct onnx_value) { name, NULL, k };
            table[n] = (struct named) { name, n };
            n++;
        }
    graph->n_values = n;
    return sort_names(ctx, table, n);
}

/* Names become values; each must have been made before it is used. */
static bool resolve(struct onnx_context *ctx, const Onnx__GraphProto *from,
                    struct onnx_graph *graph, const struct named *table)
{
    for (size_t k = 0; k < graph->n_nodes; k++)
        for (size_t i = 0; i < graph->nodes[k].n_inputs; i++) {
            const char *name = from->node[k]->input[i];
            size_t value = ONNX_NONE;

            if (name[0] != '\0') {
                value = find_name(table, graph->n_values, name);
                if (value == ONNX_NONE || (graph->values[value].producer != ONNX_NONE &&
                                           graph->values[value].producer >= k))
                    return onnx_refuse(
                        ctx, ONNX_CODE_SYNTAX, &graph->nodes[k],
                        "nodes in the order in which they compute", "'%.150s' is %s",
                        name, value == ONNX_NONE ? "made by nobody" : "made later");
            }
            graph->nodes[k].in[i] = value;
        }
    for (size_t i = 0; i < from->n_output; i++) {
        const char *name = from->output[i]->name == NULL ? "" : from->output[i]->name;

        graph->outputs[i] = find_name(table, graph->n_values, name);
        if (graph->outputs[i] == ONNX_NONE)
            return onnx_refuse(ctx, ONNX_CODE_SYNTAX, NULL, "outputs that a node makes",
                               "output '%.150s' is made by nobody", name);
    }
    return true;
}

static bool read_graph(struct onnx_context *ctx, const Onnx__GraphProto *from,
                       struct onnx_graph *graph)
{
    size_t n_values = from->n_initializer + from->n_input;

    if (!check_sizes(ctx, from))
        return false;
    if (from->n_output == 0)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "one output", "no output");
    for (size_t i = 0; i < from->n_node; i++)
        n_values += from->node[i]->n_output;
    graph->name = copy_string(ctx, from->name);
    graph->nodes = onnx_new(ctx, from->n_node, sizeof(*graph->nodes));
    graph->values = onnx_new(ctx, n_values, sizeof(*graph->values));
    graph->outputs = onnx_new(ctx, from->n_output, sizeof(*graph->outputs));
    graph->n_outputs = from->n_output;
    struct named *table = onnx_new(ctx, n_values, sizeof(*table));
    if (graph->name == NULL || graph->nodes == NULL || graph->values == NULL ||
        graph->outputs == NULL || table == NULL)
        return false;
    for (size_t i = 0; i < from->n_node; i++) {
        if (!read_node(ctx, from->node[i], i, &graph->nodes[i]))
            return false;
        graph->n_nodes++;
    }
    return read_values(ctx, from, graph, table) && resolve(ctx, from, graph, table);
}

bool onnx_graph_read(struct onnx_context *ctx, const uint8_t *bytes, size_t len,
                     struct onnx_graph *graph)
{
    struct counted counted = { .allocator = { .alloc = counted_alloc,
                                              .free = counted_free } };

    memset(graph, 0, sizeof(*graph));
    counted.allocator.allocator_data = &counted;
    if (!onnx_wire_check(ctx, bytes, len))
        return false;
    Onnx__ModelProto *model = onnx__model_proto__unpack(&counted.allocator, len, bytes);
    if (model == NULL && counted.failed)
        return onnx_nomem(ctx);
    if (model == NULL)
        return onnx_refuse(ctx, ONNX_CODE_SYNTAX, NULL, "a whole ONNX file (protobuf)",
                           "a field of the wrong kind");
    bool good = false;
    if (model->graph == NULL)
        (void)onnx_refuse(ctx, ONNX_CODE_SYNTAX, NULL, "an ONNX model",
                          "there is no graph");
    else
        good = check_versions(ctx, model, graph) && read_graph(ctx, model->graph, graph);
    if (good) {
        graph->producer = copy_string(ctx, model->producer_name);
        good = graph->producer != NULL;
    }
    onnx__model_proto__free_unpacked(model, &counted.allocator);
    return good;
}
