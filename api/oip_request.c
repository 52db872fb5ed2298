/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_request.h"

#include "api/oip_model.h"
#include "api/oip_reader.h"
#include "api/pixel_list.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define MAX_RANK 8

struct reader {
    struct oip_reader in;
    const struct network *net; /* borrowed */
    size_t inputs, max_images;
    struct classify_input *input; /* borrowed */
    struct oip_request *request;  /* borrowed */
    bool has_blob;                /* Inference-Header-Content-Length was given */
    const uint8_t *blob;
    size_t blob_len;
    size_t n_inputs, n_outputs;
    bool inputs_given;
    uint64_t announced;                 /* bytes of the blob that inputs took */
    bool binary_outputs;                /* of the request */
    bool binary_output, binary_decided; /* of the output */
};

static void refuse_shared_memory(struct oip_reader *r, const char *where,
                                 const struct oip_parameter *p)
{
    static const char prefix[] = "shared_memory";

    if (p->name.len >= sizeof(prefix) - 1 &&
        memcmp(p->name.text, prefix, sizeof(prefix) - 1) == 0)
        oip_refuse(
            r, "%s: parameter \"%.*s\": shared memory is not supported; send the data",
            where, oip_shown(&p->name), p->name.text);
}

/* -- An input -- */

struct tensor {
    char where[32]; /* "inputs[0]" */
    struct json_pull_text name, datatype;
    bool has_shape, has_data, has_size;
    size_t rank;
    uint64_t shape[MAX_RANK];
    uint64_t elements; /* product of the shape */
    uint64_t size;     /* bytes, where they follow the JSON */
    struct pixel_list list;
};

static const char *shape_text(const struct tensor *t, char ret_text[MAX_RANK * 22])
{
    int n = 0;

    for (size_t i = 0; i < t->rank; i++)
        n += snprintf(ret_text + n, (size_t)(MAX_RANK * 22 - n), "%s%llu",
                      i > 0 ? "," : "", (unsigned long long)t->shape[i]);
    if (t->rank == 0)
        ret_text[0] = '\0';
    return ret_text;
}

static void read_dimension(struct reader *r, struct tensor *t)
{
    struct json_pull_number number;

    if (!oip_expect_member(&r->in, JSON_PULL_NUMBER, t->where, "shape") ||
        !json_pull_number(&r->in.pull, &number))
        return;
    if (!number.is_integer || number.integer < 0) {
        oip_refuse(&r->in, "%s: shape[%zu]: %.*s is not an integer 0..2^53-1", t->where,
                   t->rank, number.len < 24 ? (int)number.len : 24, number.text);
    } else if (t->rank == MAX_RANK) {
        oip_refuse(&r->in, "%s: the shape has more than %d dimensions", t->where,
                   MAX_RANK);
    } else {
        t->shape[t->rank++] = (uint64_t)number.integer;
        if (__builtin_mul_overflow(t->elements, (uint64_t)number.integer, &t->elements))
            oip_refuse(&r->in, "%s: a tensor of this shape has more than 2^64 elements",
                       t->where);
    }
}

static void read_shape(struct reader *r, struct tensor *t)
{
    if (!oip_expect_member(&r->in, JSON_PULL_LIST, t->where, "shape") ||
        !json_pull_list(&r->in.pull))
        return;
    t->has_shape = true;
    t->elements = 1;
    for (bool first = true; oip_going_on(&r->in) && json_pull_element(&r->in.pull, first);
         first = false)
        read_dimension(r, t);
}

/* Room for all that can be in so many bytes: the shape may still be to come. */
static void read_data(struct reader *r, struct tensor *t)
{
    size_t left = (size_t)(r->in.pull.end - r->in.pull.at);
    size_t n = left / 2 / r->inputs + 1;

    if (oip_is_null(&r->in) ||
        !oip_expect_member(&r->in, JSON_PULL_LIST, t->where, "data"))
        return;
    t->has_data = true;
    n = n < r->max_images ? n : r->max_images;
    if (classify_input_reserve(r->input, n, r->inputs) != ST_OK)
        oip_no_memory(&r->in);
    else
        (void)pixel_list_read(&r->in.pull, r->input->pixels, n * r->inputs,
                              &t->list); /* the error stays in the reader */
}

static void take_input_parameter(struct oip_reader *r, const char *where,
                                 const struct oip_parameter *p, void *ctx)
{
    struct tensor *t = ctx;

    refuse_shared_memory(r, where, p);
    if (oip_parameter_is(p, "binary_data_size"))
        t->has_size = oip_integer(r, where, p, 0, &t->size);
}

static bool shape_fits(const struct reader *r, const struct tensor *t)
{
    const struct network_input *in = &r->net->input;

    return (t->rank == 4 && t->shape[1] == in->height && t->shape[2] == in->width &&
            t->shape[3] == in->channels) ||
           (t->rank == 2 && t->shape[1] == r->inputs);
}

static void check_shape(struct reader *r, const struct tensor *t)
{
    const struct network_input *in = &r->net->input;
    char text[MAX_RANK * 22];

    if (!t->has_shape)
        oip_refuse(&r->in, "%s: \"shape\" is missing", t->where);
    else if (!shape_fits(r, t))
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT
                   "\" has shape [%s], the model expects [n,%u,%u,%u] or [n,%zu]",
                   shape_text(t, text), in->height, in->width, in->channels, r->inputs);
    else if (t->shape[0] == 0)
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT "\" has shape [%s], a batch of no pictures",
                   shape_text(t, text));
    else if (t->shape[0] > r->max_images)
        oip_too_many(&r->in,
                     "input \"" OIP_INPUT "\" has shape [%s], max_batch_size is %zu",
                     shape_text(t, text), r->max_images);
}

static void check_list(struct reader *r, const struct tensor *t)
{
    const struct pixel_list *list = &t->list;
    char text[MAX_RANK * 22];
    bool as_shape = list->levels == t->rank;

    for (size_t i = 0; as_shape && i < t->rank; i++)
        as_shape = list->sides[i] == t->shape[i];
    if (list->mistake[0] != '\0')
        oip_refuse(&r->in, "input \"" OIP_INPUT "\": data%s: %s (element %zu)",
                   list->where, list->mistake, list->n);
    else if (list->n != t->elements)
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT
                   "\": shape [%s] needs %llu elements, data has %zu",
                   shape_text(t, text), (unsigned long long)t->elements, list->n);
    else if (list->levels != 1 && !as_shape)
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT
                   "\": data is nested, but not as the shape [%s] says",
                   shape_text(t, text));
}

static void refuse_blob(struct reader *r, uint64_t announced)
{
    oip_refuse(&r->in, "%zu bytes follow the JSON, the inputs announce %llu", r->blob_len,
               (unsigned long long)announced);
}

/* The bytes behind the JSON begin with this input: there is none before it. */
static const uint8_t *blob_of(struct reader *r, const struct tensor *t, size_t type_size)
{
    uint64_t needed = t->elements * type_size; /* a shape that fits is small */
    char text[MAX_RANK * 22];

    if (!r->has_blob)
        oip_refuse(&r->in, "input \"" OIP_INPUT "\": binary_data_size needs the header "
                           "Inference-Header-Content-Length");
    else if (t->size != needed)
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT
                   "\": binary_data_size is %llu, shape [%s] of %.*s needs %llu",
                   (unsigned long long)t->size, shape_text(t, text),
                   oip_shown(&t->datatype), t->datatype.text, (unsigned long long)needed);
    else if (r->blob_len < needed)
        refuse_blob(r, needed);
    r->announced = needed;
    return r->in.st == ST_OK ? r->blob : NULL;
}

static float float_at(const uint8_t *bytes)
{
    uint32_t word;
    float value;

    memcpy(&word, bytes, sizeof(word));
    word = le32toh(word);
    memcpy(&value, &word, sizeof(value));
    return value;
}

/* The pixel, or 256 of what is none; without branches, so that it can be vectorised. */
static unsigned pixel_of(float value)
{
    bool in_range = value >= 0.0f && value <= 255.0f;
    int32_t pixel = (int32_t)(in_range ? value : 0.0f);

    return (in_range & ((float)pixel == value)) ? (unsigned)pixel : 256;
}

/* Whole numbers 0..255 of little-endian floats. Returns the first that is none; n if all
 * are. */
static size_t take_floats(const uint8_t *bytes, size_t n, uint8_t *ret_pixels)
{
    unsigned all = 0;
    size_t first = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned pixel = pixel_of(float_at(bytes + 4 * i));

        all |= pixel;
        ret_pixels[i] = (uint8_t)pixel;
    }
    if (all < 256)
        return n;
    while (pixel_of(float_at(bytes + 4 * first)) < 256)
        first++;
    return first;
}

static void take_blob(struct reader *r, const struct tensor *t, bool floats)
{
    const uint8_t *bytes = blob_of(r, t, floats ? sizeof(float) : 1);
    size_t n = (size_t)t->elements;

    if (bytes == NULL)
        return;
    if (classify_input_reserve(r->input, (size_t)t->shape[0], r->inputs) != ST_OK) {
        oip_no_memory(&r->in);
        return;
    }
    if (!floats) {
        memcpy(r->input->pixels, bytes, n);
        return;
    }
    size_t bad = take_floats(bytes, n, r->input->pixels);
    if (bad != n)
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT "\": element %zu is not a whole number 0..255; "
                   "pixels are taken as they are, not scaled",
                   bad);
}

static void check_input(struct reader *r, const struct tensor *t)
{
    bool floats = t->datatype.text != NULL && json_pull_text_is(&t->datatype, "FP32");

    if (t->name.text == NULL)
        oip_refuse(&r->in, "%s: \"name\" is missing", t->where);
    else if (!json_pull_text_is(&t->name, OIP_INPUT))
        oip_refuse(&r->in,
                   "%s: the model has no input \"%.*s\"; its input is \"" OIP_INPUT "\"",
                   t->where, oip_shown(&t->name), t->name.text);
    else if (r->n_inputs > 1)
        oip_refuse(&r->in, "%s: input \"" OIP_INPUT "\" for the second time", t->where);
    else if (t->datatype.text == NULL)
        oip_refuse(&r->in, "%s: \"datatype\" is missing", t->where);
    else if (!floats && !json_pull_text_is(&t->datatype, "UINT8"))
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT
                   "\" has datatype %.*s, the model expects UINT8 (or "
                   "the same numbers as FP32)",
                   oip_shown(&t->datatype), t->datatype.text);
    else
        check_shape(r, t);
    if (r->in.st != ST_OK)
        return;
    if (t->has_data == t->has_size)
        oip_refuse(&r->in,
                   "input \"" OIP_INPUT "\": expected data or binary_data_size, found %s",
                   t->has_data ? "both" : "neither");
    else if (t->has_size)
        take_blob(r, t, floats);
    else
        check_list(r, t);
}

static void read_input(struct reader *r)
{
    struct tensor t = { .elements = 0 };
    struct json_members seen;
    struct json_pull_text name;

    seen.n = 0;
    (void)snprintf(t.where, sizeof(t.where), "inputs[%zu]", r->n_inputs++);
    if (!oip_expect(&r->in, JSON_PULL_OBJECT, t.where) || !json_pull_object(&r->in.pull))
        return;
    while (oip_going_on(&r->in) && json_members_next(&r->in.pull, &seen, &name)) {
        if (json_pull_text_is(&name, "name"))
            oip_text(&r->in, t.where, "name", &t.name);
        else if (json_pull_text_is(&name, "shape"))
            read_shape(r, &t);
        else if (json_pull_text_is(&name, "datatype"))
            oip_text(&r->in, t.where, "datatype", &t.datatype);
        else if (json_pull_text_is(&name, "parameters"))
            oip_parameters(&r->in, t.where, take_input_parameter, &t);
        else if (json_pull_text_is(&name, "data"))
            read_data(r, &t);
        else
            (void)json_pull_skip(&r->in.pull); /* the error stays in the reader */
    }
    if (!oip_going_on(&r->in))
        return;
    check_input(r, &t);
    r->input->n = (size_t)t.shape[0];
}

static void read_inputs(struct reader *r)
{
    r->inputs_given = true;
    if (!oip_expect(&r->in, JSON_PULL_LIST, "inputs") || !json_pull_list(&r->in.pull))
        return;
    for (bool first = true; oip_going_on(&r->in) && json_pull_element(&r->in.pull, first);
         first = false)
        read_input(r);
    if (!oip_going_on(&r->in))
        return;
    if (r->n_inputs == 0)
        oip_refuse(&r->in,
                   "inputs: the list is empty; the model expects \"" OIP_INPUT "\"");
    else if (r->blob_len != r->announced)
        refuse_blob(r, r->announced);
}

/* -- Outputs -- */

static void take_output_parameter(struct oip_reader *in, const char *where,
                                  const struct oip_parameter *p, void *ctx)
{
    struct reader *r = ctx;
    uint64_t top = 0;

    refuse_shared_memory(in, where, p);
    if (oip_parameter_is(p, "binary_data")) {
        r->binary_decided = true;
        oip_boolean(in, where, p, &r->binary_output);
    } else if (oip_parameter_is(p, "classification") &&
               oip_integer(in, where, p, 1, &top)) {
        r->request->classification =
            top < r->net->n_classes ? (size_t)top : r->net->n_classes;
    }
}

static void check_output(struct reader *r, const char *where,
                         const struct json_pull_text *name)
{
    if (name->text == NULL)
        oip_refuse(&r->in, "%s: \"name\" is missing", where);
    else if (!json_pull_text_is(name, OIP_OUTPUT))
        oip_refuse(&r->in,
                   "%s: the model has no output \"%.*s\"; its output is \"" OIP_OUTPUT
                   "\"",
                   where, oip_shown(name), name->text);
    else if (r->n_outputs > 1)
        oip_refuse(&r->in, "%s: output \"" OIP_OUTPUT "\" for the second time", where);
}

static void read_output(struct reader *r)
{
    struct json_members seen;
    struct json_pull_text member, name = { NULL, 0, false };
    char where[32];

    seen.n = 0;
    (void)snprintf(where, sizeof(where), "outputs[%zu]", r->n_outputs++);
    if (!oip_expect(&r->in, JSON_PULL_OBJECT, where) || !json_pull_object(&r->in.pull))
        return;
    while (oip_going_on(&r->in) && json_members_next(&r->in.pull, &seen, &member)) {
        if (json_pull_text_is(&member, "name"))
            oip_text(&r->in, where, "name", &name);
        else if (json_pull_text_is(&member, "parameters"))
            oip_parameters(&r->in, where, take_output_parameter, r);
        else
            (void)json_pull_skip(&r->in.pull); /* the error stays in the reader */
    }
    if (oip_going_on(&r->in))
        check_output(r, where, &name);
}

static void read_outputs(struct reader *r)
{
    if (oip_is_null(&r->in) || !oip_expect(&r->in, JSON_PULL_LIST, "outputs") ||
        !json_pull_list(&r->in.pull))
        return;
    for (bool first = true; oip_going_on(&r->in) && json_pull_element(&r->in.pull, first);
         first = false)
        read_output(r);
}

/* -- The whole -- */

/* An integer beyond those that are read here: for a duration as good as none. */
static bool is_endless(const struct oip_parameter *p)
{
    size_t n_digits = 0;

    if (p->kind != JSON_PULL_NUMBER || p->number.is_integer)
        return false;
    while (n_digits < p->number.len && p->number.text[n_digits] >= '0' &&
           p->number.text[n_digits] <= '9')
        n_digits++;
    return n_digits == p->number.len;
}

static void take_request_parameter(struct oip_reader *in, const char *where,
                                   const struct oip_parameter *p, void *ctx)
{
    struct reader *r = ctx;

    if (oip_parameter_is(p, "binary_data_output"))
        oip_boolean(in, where, p, &r->binary_outputs);
    else if (oip_parameter_is(p, "timeout") && !is_endless(p))
        oip_integer(in, where, p, 0, &r->request->timeout_us);
}

static void read_id(struct reader *r)
{
    char bytes[OIP_ID_LEN * 6]; /* of six bytes an escape may be */
    struct json_pull_text id = { NULL, 0, false };

    if (oip_is_null(&r->in))
        return;
    oip_text(&r->in, OIP_BODY, "id", &id);
    if (!oip_going_on(&r->in))
        return;
    if (id.len > sizeof(bytes) || json_pull_text_decode(&id, bytes) > OIP_ID_LEN)
        oip_refuse(&r->in, "id: more than %d bytes", OIP_ID_LEN);
    r->request->id = id;
}

static void read_body(struct reader *r)
{
    struct json_members seen;
    struct json_pull_text name;

    seen.n = 0;
    if (!oip_expect(&r->in, JSON_PULL_OBJECT, OIP_BODY) || !json_pull_object(&r->in.pull))
        return;
    while (oip_going_on(&r->in) && json_members_next(&r->in.pull, &seen, &name)) {
        if (json_pull_text_is(&name, "id"))
            read_id(r);
        else if (json_pull_text_is(&name, "parameters"))
            oip_parameters(&r->in, OIP_BODY, take_request_parameter, r);
        else if (json_pull_text_is(&name, "inputs"))
            read_inputs(r);
        else if (json_pull_text_is(&name, "outputs"))
            read_outputs(r);
        else
            (void)json_pull_skip(&r->in.pull); /* the error stays in the reader */
    }
    if (oip_going_on(&r->in) && !r->inputs_given)
        oip_refuse(&r->in, "inputs: is missing; the model expects \"" OIP_INPUT "\"");
}

/* Without JSON the body is the one input, of one picture. */
static void take_raw(struct reader *r)
{
    if (r->blob_len != r->inputs)
        oip_refuse(&r->in, "a body without JSON is one picture of %zu bytes, found %zu",
                   r->inputs, r->blob_len);
    else if (classify_input_reserve(r->input, 1, r->inputs) != ST_OK)
        oip_no_memory(&r->in);
    if (r->in.st != ST_OK)
        return;
    memcpy(r->input->pixels, r->blob, r->inputs);
    r->input->n = 1;
    r->request->binary = true;
}

/* Where the JSON ends. */
static size_t split(struct reader *r, const uint8_t *body, size_t len,
                    const char *header_length)
{
    size_t n = 0;

    if (header_length == NULL)
        return len;
    r->has_blob = true;
    for (const char *at = header_length; *at >= '0' && *at <= '9' && n <= len; at++)
        n = n * 10 + (size_t)(*at - '0');
    size_t n_digits = strspn(header_length, "0123456789");
    const char *behind = header_length + n_digits;
    if (n_digits == 0 || behind[strspn(behind, " \t")] != '\0' || n > len) {
        oip_refuse(
            &r->in,
            "Inference-Header-Content-Length: \"%.40s\" is not a number of bytes, at "
            "most those of the body (%zu)",
            header_length, len);
        return 0;
    }
    r->blob = body + n;
    r->blob_len = len - n;
    return n;
}

static void read_json(struct reader *r, const char *json, size_t len)
{
    json_pull_init(&r->in.pull, json, len);
    read_body(r);
    if (oip_end(&r->in) == ST_OK)
        r->request->binary = r->binary_decided ? r->binary_output : r->binary_outputs;
}

enum status oip_request_parse(const uint8_t *body, size_t len, const char *header_length,
                              const struct network *net, size_t max_images,
                              struct classify_input *ret_input,
                              struct oip_request *ret_request,
                              struct problem *ret_problem)
{
    struct reader r = {
        .in.problem = ret_problem,
        .net = net,
        .inputs = network_inputs(net),
        .max_images = max_images,
        .input = ret_input,
        .request = ret_request,
    };

    *ret_request = (struct oip_request) { .classification = 0 };
    ret_input->n = 0;
    size_t json_len = split(&r, body, len, header_length);
    if (r.in.st == ST_OK && r.has_blob && json_len == 0)
        take_raw(&r);
    else if (r.in.st == ST_OK)
        read_json(&r, (const char *)body, json_len);
    if (r.in.st != ST_OK)
        ret_input->n = 0;
    for (size_t i = 0; i < ret_input->n; i++)
        ret_input->labels[i] = -1;
    return r.in.st;
}
