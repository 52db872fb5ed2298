/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* How much a range says of a type; beyond, one more for each parameter that it shares. */
enum {
    SAYS_NOTHING, /* it is another type */
    SAYS_ALL,     /* */
    SAYS_KIND,    /* text/ and any */
    SAYS_ALMOST,  /* the type, with a parameter that we do not name */
    SAYS_TYPE,
};
#define WEIGHT_MAX 1000u

/* A piece of the list, or of a type. */
struct piece {
    const char *text;
    size_t len;
};

struct parameter {
    struct piece name, value; /* value without its quotes, escapes as sent */
};

/* -- Pieces; each moves *at behind what it reads -- */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t");
}

static struct piece read_token(const char **at)
{
    struct piece token = { *at, 0 };

    while (is_token_char(token.text[token.len]))
        token.len++;
    *at += token.len;
    return token;
}

/* Behind the opening quote, up to the closing one. False: there is none. */
static bool read_quoted(const char **at, struct piece *ret_value)
{
    const char *start = *at;

    for (; **at != '"'; (*at)++) {
        if (**at == '\\')
            (*at)++;
        if (**at == '\0')
            return false;
    }
    *ret_value = (struct piece) { start, (size_t)(*at - start) };
    (*at)++;
    return true;
}

/* The next ";name=value"; false at the end of the range, or with *ret_sound false where
 * it is malformed. */
static bool read_parameter(const char **at, struct parameter *ret_parameter,
                           bool *ret_sound)
{
    do {
        skip_blanks(at);
        if (**at != ';')
            return false;
        (*at)++;
        skip_blanks(at);
    } while (**at == ';');
    if (**at == ',' || **at == '\0')
        return false;
    ret_parameter->name = read_token(at);
    *ret_sound = ret_parameter->name.len > 0 && **at == '=';
    if (!*ret_sound)
        return false;
    (*at)++;
    if (**at == '"') {
        (*at)++;
        *ret_sound = read_quoted(at, &ret_parameter->value);
    } else {
        ret_parameter->value = read_token(at);
        *ret_sound = ret_parameter->value.len > 0;
    }
    return *ret_sound;
}

/* Past the comma behind a range, sound or not. */
static void skip_range(const char **at)
{
    bool quoted = false;

    for (; **at != '\0' && (quoted || **at != ','); (*at)++) {
        if (quoted && **at == '\\' && (*at)[1] != '\0')
            (*at)++;
        else if (**at == '"')
            quoted = !quoted;
    }
    if (**at == ',')
        (*at)++;
}

/* -- A range and a type -- */

static bool same(struct piece a, struct piece b)
{
    return a.len == b.len && strncasecmp(a.text, b.text, a.len) == 0;
}

static bool is_star(struct piece piece)
{
    return piece.len == 1 && piece.text[0] == '*';
}

/* Does `type` name the parameter, and with this value? */
static bool find_parameter(const char *type, const struct parameter *wanted,
                           bool *ret_same)
{
    const char *at = type + strcspn(type, ";");
    struct parameter parameter;
    bool sound;

    while (read_parameter(&at, &parameter, &sound))
        if (same(parameter.name, wanted->name)) {
            *ret_same = same(parameter.value, wanted->value);
            return true;
        }
    return false;
}

/* A weight in thousandths, "0.5", "1", ".5"; further digits are dropped. */
static bool read_weight(struct piece text, unsigned *ret_weight)
{
    unsigned weight = 0, unit = WEIGHT_MAX;
    bool point = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.text[i];

        if (c == '.' && !point) {
            point = true;
        } else if (c < '0' || c > '9') {
            return false;
        } else if (!point) {
            weight = weight >= WEIGHT_MAX || c != '0' ? WEIGHT_MAX : 0;
        } else {
            unit /= 10;
            weight += unit * (unsigned)(c - '0');
        }
    }
    *ret_weight = weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
    return text.len > (size_t)point;
}

/* type/subtype of a range; false if it is malformed. */
static bool read_names(const char **at, struct piece *ret_kind, struct piece *ret_name)
{
    *ret_kind = *ret_name = read_token(at);
    if (is_star(*ret_kind) && **at != '/')
        return true;
    if (ret_kind->len == 0 || **at != '/')
        return false;
    (*at)++;
    *ret_name = read_token(at);
    return ret_name->len > 0 && (!is_star(*ret_kind) || is_star(*ret_name));
}

static unsigned compare_names(struct piece kind, struct piece name, const char *type)
{
    size_t slash = strcspn(type, "/");
    const char *rest = type + slash + 1;

    if (is_star(kind))
        return SAYS_ALL;
    if (!same(kind, (struct piece) { type, slash }))
        return SAYS_NOTHING;
    if (is_star(name))
        return SAYS_KIND;
    return same(name, (struct piece) { rest, strcspn(rest, "; ") }) ? SAYS_TYPE
                                                                    : SAYS_NOTHING;
}

/* What a range says of a type while it is read. */
struct match {
    unsigned says, n_shared, weight;
    bool almost;
};

static void count_parameter(struct match *match, const char *type,
                            const struct parameter *parameter)
{
    bool is_same;

    if (match->says != SAYS_TYPE)
        return;
    if (!find_parameter(type, parameter, &is_same))
        match->almost = true;
    else if (is_same)
        match->n_shared++;
    else
        match->says = SAYS_NOTHING;
}

static bool is_weight(const struct parameter *parameter)
{
    return parameter->name.len == 1 && (parameter->name.text[0] | 0x20) == 'q';
}

/* What the range at *at says of `type`; false if it is malformed. *at is left somewhere
 * in it. */
static bool read_range(const char **at, const char *type, struct match *ret_match)
{
    struct match match = { .weight = WEIGHT_MAX };
    struct piece kind, name;
    struct parameter parameter;
    bool sound = true, weighted = false;

    if (!read_names(at, &kind, &name))
        return false;
    match.says = compare_names(kind, name, type);
    /* What follows a weight is an extension. */
    while (!weighted && read_parameter(at, &parameter, &sound)) {
        weighted = is_weight(&parameter);
        if (!weighted)
            count_parameter(&match, type, &parameter);
    }
    if (match.says == SAYS_TYPE)
        match.says = match.almost ? SAYS_ALMOST : SAYS_TYPE + match.n_shared;
    *ret_match = match;
    if (weighted)
        return read_weight(parameter.value, &ret_match->weight);
    skip_blanks(at);
    return sound && (**at == ',' || **at == '\0');
}

/* -- The list -- */

/* 0: it is not wanted. *ret_sound: there was something to read. */
static unsigned weight_of(const char *accept, const char *type, bool *ret_sound)
{
    struct match best = { SAYS_NOTHING, 0, 0, false }, match;

    *ret_sound = false;
    for (const char *at = accept + strspn(accept, " \t,"); *at != '\0';
         at += strspn(at, " \t,")) {
        bool sound = read_range(&at, type, &match);

        skip_range(&at);
        if (!sound)
            continue;
        *ret_sound = true;
        if (match.says > best.says ||
            (match.says == best.says && match.says != SAYS_NOTHING &&
             match.weight > best.weight))
            best = match;
    }
    return best.weight;
}

const char *accept_choose(const char *accept, const char *const *types)
{
    const char *wanted = NULL;
    unsigned most = 0;

    for (size_t i = 0; types[i] != NULL; i++) {
        bool sound;
        unsigned weight = weight_of(accept, types[i], &sound);

        if (!sound)
            return types[0];
        if (weight > most) {
            most = weight;
            wanted = types[i];
        }
    }
    return wanted;
}
