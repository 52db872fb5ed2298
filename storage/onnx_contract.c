/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_contract.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum status set_member(struct onnx_contract *contract, const char *value);

/* A name and what it stands for. */
struct word {
    const char *text;
    int value;
};

static bool find_word(const struct word *words, const char *text, int *ret_value)
{
    for (; words->text != NULL; words++) {
        if (strcmp(text, words->text) == 0) {
            *ret_value = words->value;
            return true;
        }
    }
    return false;
}

static enum status set_layout(struct onnx_contract *contract, const char *value)
{
    static const struct word words[] = { { "auto", ONNX_LAYOUT_AUTO },
                                         { "nchw", ONNX_LAYOUT_NCHW },
                                         { "nhwc", ONNX_LAYOUT_NHWC },
                                         { NULL, 0 } };
    int found;

    if (!find_word(words, value, &found))
        return ST_RANGE;
    contract->options.layout = (enum onnx_layout)found;
    return ST_OK;
}

static enum status set_colour(struct onnx_contract *contract, const char *value)
{
    static const struct word words[] = { { "rgb", ONNX_COLOUR_RGB },
                                         { "bgr", ONNX_COLOUR_BGR },
                                         { "grey", ONNX_COLOUR_GREY },
                                         { NULL, 0 } };
    int found;

    if (!find_word(words, value, &found))
        return ST_RANGE;
    contract->options.colour = (enum onnx_colour)found;
    return ST_OK;
}

static enum status set_range(struct onnx_contract *contract, const char *value)
{
    static const struct word words[] = { { "0..255", ONNX_RANGE_255 },
                                         { "0..1", ONNX_RANGE_1 },
                                         { "-1..1", ONNX_RANGE_SIGNED },
                                         { NULL, 0 } };
    char *end;
    int found;

    if (find_word(words, value, &found)) {
        contract->options.range = (enum onnx_range)found;
        return ST_OK;
    }
    float scale = strtof(value, &end);
    if (end == value || *end != '\0' || !isfinite(scale) || scale == 0.0F)
        return ST_RANGE;
    contract->options.scale = scale;
    contract->options.range = ONNX_RANGE_SCALE;
    return ST_OK;
}

/* Three numbers, or one that stands for all three. */
static enum status read_three(const char *value, bool zero_is_wrong, float ret_numbers[3])
{
    const char *at = value;
    float numbers[3];
    size_t n = 0;

    for (;;) {
        char *end;
        float number = strtof(at, &end);

        if (end == at || n == 3 || !isfinite(number) ||
            (zero_is_wrong && number == 0.0F) || (*end != ',' && *end != '\0'))
            return ST_RANGE;
        numbers[n++] = number;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    if (n == 2)
        return ST_RANGE;
    for (; n < 3; n++)
        numbers[n] = numbers[0];
    memcpy(ret_numbers, numbers, sizeof(numbers));
    return ST_OK;
}

static enum status set_mean(struct onnx_contract *contract, const char *value)
{
    enum status st = read_three(value, false, contract->options.mean);

    contract->options.mean_given |= st == ST_OK;
    return st;
}

static enum status set_std(struct onnx_contract *contract, const char *value)
{
    enum status st = read_three(value, true, contract->options.std);

    contract->options.std_given |= st == ST_OK;
    return st;
}

static enum status read_whole(const char *value, uint32_t *number)
{
    char *end;

    errno = 0;
    unsigned long found = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || found < 1 ||
        found > NETWORK_MAX_SIDE)
        return ST_RANGE;
    *number = (uint32_t)found;
    return ST_OK;
}

static enum status set_height(struct onnx_contract *contract, const char *value)
{
    return read_whole(value, &contract->options.height);
}

static enum status set_width(struct onnx_contract *contract, const char *value)
{
    return read_whole(value, &contract->options.width);
}

static enum status set_resize(struct onnx_contract *contract, const char *value)
{
    return read_whole(value, &contract->options.resize);
}

static enum status read_flag(const char *value, const char *no, const char *yes,
                             bool *flag)
{
    bool is_yes = strcmp(value, yes) == 0;

    if (!is_yes && strcmp(value, no) != 0)
        return ST_RANGE;
    *flag = is_yes;
    return ST_OK;
}

static enum status set_crop(struct onnx_contract *contract, const char *value)
{
    return read_flag(value, "false", "true", &contract->options.crop);
}

static enum status set_ties(struct onnx_contract *contract, const char *value)
{
    return read_flag(value, "up", "down", &contract->options.ties_down);
}

static enum status set_sign(struct onnx_contract *contract, const char *value)
{
    return read_flag(value, "false", "true", &contract->options.assume_sign);
}

static size_t count_labels(const char *text)
{
    size_t n = 1;

    for (; *text != '\0'; text++)
        n += *text == ',';
    return n;
}

static enum status set_labels(struct onnx_contract *contract, const char *value)
{
    size_t n = count_labels(value), at = 0;
    char *text = strdup(value);
    const char **labels = calloc(n, sizeof(*labels));

    if (text == NULL || labels == NULL || n > ONNX_CONTRACT_MAX_LABELS) {
        free(text);
        free(labels);
        return n > ONNX_CONTRACT_MAX_LABELS ? ST_RANGE : ST_NOMEM;
    }
    for (char *label = text; label != NULL;) {
        char *comma = strchr(label, ',');

        labels[at++] = label;
        if (comma != NULL)
            *comma++ = '\0';
        label = comma;
    }
    free(contract->labels_text);
    free(contract->labels);
    contract->labels_text = text;
    contract->labels = labels;
    contract->options.labels = labels;
    contract->options.n_labels = n;
    return ST_OK;
}

const struct onnx_contract_member onnx_contract_members[] = {
    { "layout", "auto, nchw or nhwc", "order of a picture's dimensions" },
    { "range", "0..255, 0..1, -1..1 or a factor of the pixel",
      "what the network takes a pixel for" },
    { "mean", "a number, or three with commas between them",
      "taken off after the range, by channel" },
    { "std", "a number, or three with commas between them, none of them 0",
      "divided by after that, by channel" },
    { "channels", "rgb, bgr or grey", "order of the colours" },
    { "height", "a whole number within 1 .. 4096",
      "of a picture that the file has flat" },
    { "width", "a whole number within 1 .. 4096", "likewise" },
    { "resize", "a whole number within 1 .. 4096",
      "the shorter side before the middle is cut out" },
    { "crop", "true or false", "cut the middle out in place of fitting the whole" },
    { "labels", "names with commas between them", "of the classes" },
    { "ties", "up or down", "what the sign of exactly zero is" },
    { "assume_sign", "true or false",
      "real inputs of binary weights were meant to be binarised" },
    { NULL, NULL, NULL },
};

static set_member *const setters[] = { set_layout, set_range,  set_mean,  set_std,
                                       set_colour, set_height, set_width, set_resize,
                                       set_crop,   set_labels, set_ties,  set_sign };

void onnx_contract_init(struct onnx_contract *ret_contract)
{
    memset(ret_contract, 0, sizeof(*ret_contract));
}

void onnx_contract_done(struct onnx_contract *contract)
{
    free(contract->labels_text);
    free(contract->labels);
    onnx_contract_init(contract);
}

enum status onnx_contract_set(struct onnx_contract *contract, const char *name,
                              const char *value, char why[ERR_LEN])
{
    size_t i = 0;

    while (onnx_contract_members[i].name != NULL &&
           strcmp(onnx_contract_members[i].name, name) != 0)
        i++;
    if (onnx_contract_members[i].name == NULL)
        return ST_NOT_FOUND;
    enum status st = setters[i](contract, value);
    if (st == ST_RANGE)
        (void)snprintf(why, ERR_LEN, "%s: \"%.60s\" is not %s", name, value,
                       onnx_contract_members[i].values);
    if (st == ST_NOMEM)
        (void)snprintf(why, ERR_LEN, "out of memory");
    return st;
}
