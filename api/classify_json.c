/* SPDX-License-Identifier: Apache-2.0 */
#include "api/classify_json.h"

#include "api/base64.h"
#include "api/image.h"
#include "api/json_members.h"
#include "api/pixel_list.h"
#include "api/violation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct json_pull pull;
    const struct network *net; /* borrowed */
    size_t inputs;
    size_t max_images;
    struct classify_input *input; /* borrowed */
    struct violations violations; /* reading goes on behind them */
    enum status st;               /* what ended the reading, with its problem filled */
    size_t n_labels;
};

/* -- The pictures' memory -- */

void classify_input_done(struct classify_input *input)
{
    free(input->pixels);
    free(input->labels);
    *input = (struct classify_input) { 0 };
}

static enum status reserve_labels(struct classify_input *input, size_t n)
{
    if (n <= input->cap_labels)
        return ST_OK;
    if (n > SIZE_MAX / sizeof(*input->labels))
        return ST_NOMEM;
    int32_t *labels = realloc(input->labels, n * sizeof(*labels));
    if (labels == NULL)
        return ST_NOMEM;
    input->labels = labels;
    input->cap_labels = n;
    return ST_OK;
}

enum status classify_input_reserve(struct classify_input *input, size_t n, size_t inputs)
{
    if (inputs != 0 && n > SIZE_MAX / inputs)
        return ST_NOMEM;
    if (n * inputs > input->cap) {
        uint8_t *pixels = realloc(input->pixels, n * inputs);
        if (pixels == NULL)
            return ST_NOMEM;
        input->pixels = pixels;
        input->cap = n * inputs;
    }
    return reserve_labels(input, n);
}

enum status classify_input_append(struct classify_input *input,
                                  const struct classify_input *more, size_t inputs)
{
    enum status st = classify_input_reserve(input, input->n + more->n, inputs);

    if (st != ST_OK)
        return st;
    memcpy(input->pixels + input->n * inputs, more->pixels, more->n * inputs);
    memcpy(input->labels + input->n, more->labels, more->n * sizeof(*more->labels));
    input->n += more->n;
    return ST_OK;
}

/* Twice what is there, but at least n and not more than can be used. */
static size_t grown(size_t have, size_t n, size_t most)
{
    size_t twice = have < most / 2 ? have * 2 : most;

    return twice > n ? twice : n;
}

static void out_of_memory(struct reader *r)
{
    if (r->st != ST_OK)
        return;
    r->st = ST_NOMEM;
    problem_out_of_memory(r->violations.problem);
}

/* The pixels of one more picture, or NULL with `st` set. */
static uint8_t *next_row(struct reader *r)
{
    struct classify_input *input = r->input;

    if (input->n == r->max_images) {
        r->st = ST_RANGE;
        problem_set(r->violations.problem, 413, "too_many_images",
                    "more than %zu pictures in one request", r->max_images);
        return NULL;
    }
    if ((input->n + 1) * r->inputs > input->cap || input->n >= input->cap_labels) {
        size_t n = grown(input->n, input->n + 1, r->max_images);
        if (classify_input_reserve(input, n, r->inputs) != ST_OK) {
            out_of_memory(r);
            return NULL;
        }
    }
    return input->pixels + input->n * r->inputs;
}

static bool going_on(const struct reader *r)
{
    return r->st == ST_OK && r->pull.error == NULL;
}

/* Adds a violation about the value that comes and steps over it. */
static void refuse_kind(struct reader *r, const char *pointer, const char *expected)
{
    enum json_pull_kind kind = json_pull_peek(&r->pull);

    if (kind != JSON_PULL_BROKEN) {
        violation_add(&r->violations, ST_FORMAT, pointer, "expected %s, found %s",
                      expected, json_pull_kind_name(kind));
    }
    (void)json_pull_skip(&r->pull); /* the error stays in the reader */
}

/* -- pixels -- */

/* Copies the sides that are not 1. */
static unsigned squeeze(const size_t *sides, unsigned n, size_t *ret_sides)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++) {
        if (sides[i] != 1)
            ret_sides[kept++] = sides[i];
    }
    return kept;
}

/* The right number of pixels may still be in another order, channels before rows: lists
 * must follow height, width, channels; neighbours may be in one list, sides of 1 come and
 * go. */
static bool nesting_fits(const struct network_input *in, const struct pixel_list *list)
{
    const size_t h = in->height, w = in->width, c = in->channels;
    const struct {
        unsigned n;
        size_t sides[3];
    } allowed[] = {
        { 1, { h * w * c } }, { 2, { h, w * c } }, { 2, { h * w, c } }, { 3, { h, w, c } }
    };
    size_t found[PIXEL_LIST_LEVELS], wanted[3];
    unsigned n_found = squeeze(list->sides, list->levels, found);

    for (unsigned i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        unsigned n = squeeze(allowed[i].sides, allowed[i].n, wanted);
        if (n == n_found && memcmp(wanted, found, n * sizeof(*wanted)) == 0)
            return true;
    }
    return false;
}

static void check_pixels(struct reader *r, const char *pointer,
                         const struct pixel_list *list)
{
    const struct network_input *in = &r->net->input;
    unsigned h = in->height, w = in->width, c = in->channels;

    if (list->n != r->inputs) {
        violation_add(&r->violations, ST_FORMAT, pointer,
                      "expected %zu numbers (%u x %u x %u), found %zu", r->inputs, h, w,
                      c, list->n);
    } else if (!nesting_fits(in, list)) {
        violation_add(&r->violations, ST_FORMAT, pointer,
                      "nested another way than %u rows of %u pixels of %u channels", h, w,
                      c);
    }
}

static void read_pixels(struct reader *r, uint8_t *row)
{
    char pointer[VIOLATION_POINTER_LEN];
    struct pixel_list list;

    if (!pixel_list_read(&r->pull, row, r->inputs, &list))
        return;
    if (list.n == r->inputs && list.levels == 1 && list.mistake[0] == '\0')
        return;
    snprintf(pointer, sizeof(pointer), "/images/%zu/pixels%s", r->input->n, list.where);
    if (list.mistake[0] != '\0')
        violation_add(&r->violations, ST_FORMAT, pointer, "%s", list.mistake);
    else
        check_pixels(r, pointer, &list);
}

/* -- b64 -- */

/* Raw pixels without escapes go straight into the row; all else is left to the slow way.
 */
static bool read_plain_b64(struct reader *r, uint8_t *row)
{
    const char *text = r->pull.at + 1;
    const char *quote = memchr(text, '"', (size_t)(r->pull.end - text));
    char why[ERR_LEN];

    if (quote == NULL)
        return false;
    size_t len = (size_t)(quote - text);
    if (base64_decoded_len(text, len) != r->inputs ||
        base64_decode(text, len, row, why) != ST_OK)
        return false;
    if (image_sniff(row, r->inputs) != IMAGE_RAW)
        return false;
    r->pull.at = quote + 1;
    return true;
}

static enum status fit_b64(struct reader *r, const struct json_pull_text *text,
                           uint8_t *row, char why[ERR_LEN])
{
    char *plain = malloc(text->len * 2 + 1); /* without escapes, then the bytes */
    if (plain == NULL)
        return ST_NOMEM;

    size_t len = json_pull_text_decode(text, plain);
    uint8_t *bytes = (uint8_t *)plain + text->len;
    enum status st = base64_decode(plain, len, bytes, why);
    if (st == ST_OK)
        st = image_fit(bytes, base64_decoded_len(plain, len), &r->net->input, row, why);
    free(plain);
    return st;
}

static void read_b64(struct reader *r, uint8_t *row)
{
    struct json_pull_text text;
    char pointer[VIOLATION_POINTER_LEN], why[ERR_LEN];

    if (read_plain_b64(r, row) || !json_pull_string(&r->pull, &text))
        return;
    enum status st = fit_b64(r, &text, row, why);
    if (st == ST_NOMEM) {
        out_of_memory(r);
    } else if (st != ST_OK) {
        snprintf(pointer, sizeof(pointer), "/images/%zu/b64", r->input->n);
        violation_add(&r->violations, st, pointer, "%s", why);
    }
}

/* -- images, labels and the whole -- */

/* Reads the member if it is of its kind; null counts as left out. True: it was there. */
static bool read_image_member(struct reader *r, const char *name,
                              enum json_pull_kind kind, uint8_t *row)
{
    enum json_pull_kind found = json_pull_peek(&r->pull);
    char pointer[VIOLATION_POINTER_LEN];

    if (found == JSON_PULL_NULL) {
        (void)json_pull_skip(&r->pull); /* the error stays in the reader */
        return false;
    }
    if (found != kind) {
        snprintf(pointer, sizeof(pointer), "/images/%zu/%s", r->input->n, name);
        refuse_kind(r, pointer, json_pull_kind_name(kind));
    } else if (kind == JSON_PULL_LIST) {
        read_pixels(r, row);
    } else {
        read_b64(r, row);
    }
    return true;
}

static void read_picture(struct reader *r)
{
    char pointer[VIOLATION_POINTER_LEN];
    struct json_pull_text name;
    unsigned given = 0;
    struct json_members seen;

    seen.n = 0;
    uint8_t *row = next_row(r);
    if (row == NULL)
        return;
    if (json_pull_peek(&r->pull) != JSON_PULL_OBJECT) {
        snprintf(pointer, sizeof(pointer), "/images/%zu", r->input->n);
        refuse_kind(r, pointer, "an object with b64 or pixels");
        r->input->n++;
        return;
    }
    (void)json_pull_object(
        &r->pull); /* peek has seen the bracket; the depth is looked at */
    while (going_on(r) && json_members_next(&r->pull, &seen, &name)) {
        if (json_pull_text_is(&name, "pixels"))
            given += read_image_member(r, "pixels", JSON_PULL_LIST, row);
        else if (json_pull_text_is(&name, "b64"))
            given += read_image_member(r, "b64", JSON_PULL_STRING, row);
        else
            (void)json_pull_skip(&r->pull); /* the error stays in the reader */
    }
    if (going_on(r) && given != 1) {
        snprintf(pointer, sizeof(pointer), "/images/%zu", r->input->n);
        violation_add(&r->violations, ST_FORMAT, pointer,
                      given == 0 ? "expected b64 or pixels, found neither"
                                 : "expected b64 or pixels, found both");
    }
    r->input->n++;
}

static void read_images(struct reader *r)
{
    if (json_pull_peek(&r->pull) != JSON_PULL_LIST) {
        refuse_kind(r, "/images", "a list of pictures");
        return;
    }
    (void)json_pull_list(&r->pull); /* as in read_picture */
    for (bool first = true; going_on(r) && json_pull_element(&r->pull, first);
         first = false)
        read_picture(r);
    if (going_on(r) && r->input->n == 0)
        violation_add(&r->violations, ST_RANGE, "/images",
                      "expected at least one picture");
}

/* -1 for null and after a violation. */
static int32_t read_label(struct reader *r)
{
    enum json_pull_kind kind = json_pull_peek(&r->pull);
    char pointer[VIOLATION_POINTER_LEN];
    struct json_pull_number number;

    if (kind == JSON_PULL_NULL) {
        (void)json_pull_skip(&r->pull); /* the error stays in the reader */
        return -1;
    }
    if (kind != JSON_PULL_NUMBER) {
        snprintf(pointer, sizeof(pointer), "/labels/%zu", r->n_labels);
        refuse_kind(r, pointer, "the number of a class or null");
        return -1;
    }
    if (!json_pull_number(&r->pull, &number))
        return -1;
    if (!number.is_integer || number.integer < 0 ||
        number.integer >= (int64_t)r->net->n_classes) {
        snprintf(pointer, sizeof(pointer), "/labels/%zu", r->n_labels);
        violation_add(&r->violations, ST_RANGE, pointer,
                      "%.*s is not the number of a class, 0..%zu",
                      number.len < 24 ? (int)number.len : 24, number.text,
                      r->net->n_classes - 1);
        return -1;
    }
    return (int32_t)number.integer;
}

static void read_labels(struct reader *r, bool *ret_given)
{
    struct classify_input *input = r->input;
    enum json_pull_kind kind = json_pull_peek(&r->pull);

    *ret_given = kind == JSON_PULL_LIST;
    if (kind == JSON_PULL_NULL) {
        (void)json_pull_skip(&r->pull); /* the error stays in the reader */
        return;
    }
    if (kind != JSON_PULL_LIST) {
        refuse_kind(r, "/labels", "a list of class numbers");
        return;
    }
    (void)json_pull_list(&r->pull); /* as in read_picture */
    for (bool first = true; going_on(r) && json_pull_element(&r->pull, first);
         first = false) {
        int32_t label = read_label(r);
        size_t i = r->n_labels++;
        /* More than can belong to pictures are only counted. */
        if (i >= r->max_images)
            continue;
        if (i >= input->cap_labels &&
            reserve_labels(input, grown(i, i + 1, r->max_images)) != ST_OK) {
            out_of_memory(r);
            return;
        }
        input->labels[i] = label;
    }
}

static void read_body(struct reader *r)
{
    struct json_members seen;
    struct json_pull_text name;
    bool images = false, labels = false, bare_picture = false;

    seen.n = 0;
    if (json_pull_peek(&r->pull) != JSON_PULL_OBJECT) {
        refuse_kind(r, "", "an object {\"images\":[...]}");
        return;
    }
    (void)json_pull_object(&r->pull); /* as in read_picture */
    while (going_on(r) && json_members_next(&r->pull, &seen, &name)) {
        if (json_pull_text_is(&name, "images")) {
            images = true;
            read_images(r);
        } else if (json_pull_text_is(&name, "labels")) {
            read_labels(r, &labels);
        } else {
            bare_picture = bare_picture || json_pull_text_is(&name, "pixels") ||
                           json_pull_text_is(&name, "b64");
            (void)json_pull_skip(&r->pull); /* the error stays in the reader */
        }
    }
    if (!going_on(r))
        return;
    if (!images) {
        violation_add(&r->violations, ST_FORMAT, "/images",
                      bare_picture ? "is missing; a picture goes into a list, "
                                     "{\"images\":[{\"pixels\":[...]}]}"
                                   : "is missing; expected a list of pictures");
        return;
    }
    if (labels && r->n_labels != r->input->n) {
        violation_add(&r->violations, ST_RANGE, "/labels",
                      "expected %zu labels, one for each picture, found %zu", r->input->n,
                      r->n_labels);
    }
    for (size_t i = 0; !labels && i < r->input->n; i++)
        r->input->labels[i] = -1;
}

enum status classify_json_parse(const char *json, size_t len, const struct network *net,
                                size_t max_images, struct classify_input *ret_input,
                                struct problem *ret_problem)
{
    struct reader r = {
        .net = net,
        .inputs = network_inputs(net),
        .max_images = max_images,
        .input = ret_input,
        .violations = { ret_problem, ST_OK },
    };

    ret_input->n = 0;
    json_pull_init(&r.pull, json, len);
    read_body(&r);
    if (r.st == ST_OK && !json_pull_end(&r.pull)) {
        r.st = ST_FORMAT;
        problem_set(ret_problem, 400, "invalid_json", "invalid JSON at byte %zu: %s",
                    json_pull_offset(&r.pull), r.pull.error);
    }
    if (r.st == ST_OK)
        r.st = r.violations.st;
    if (r.st != ST_OK)
        ret_input->n = 0;
    return r.st;
}
