/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text that was cut may end within a character; that rest goes too. */
static void trim_cut_character(char *text, size_t len)
{
    size_t start = len;

    for (unsigned back = 0; back < 3 && start > 0; back++)
        if (((unsigned char)text[--start] & 0xc0) != 0x80)
            break;
    if ((unsigned char)text[start] >= 0xc0 && buf_utf8_char(text + start) == 0)
        text[start] = '\0';
}

static void PRINTF_LIKE(3, 0)
    print_cut(char *text, size_t size, const char *format, va_list args)
{
    int len = vsnprintf(text, size, format, args);

    if (len < 0)
        text[0] = '\0';
    else if ((size_t)len >= size)
        trim_cut_character(text, size - 1);
}

void problem_set(struct problem *problem, unsigned status, const char *code,
                 const char *format, ...)
{
    va_list args;

    problem->status = status;
    problem->code = code;
    problem->n_errors = 0;
    problem->retry_after_s = 0;
    va_start(args, format);
    print_cut(problem->detail, sizeof(problem->detail), format, args);
    va_end(args);
}

void problem_out_of_memory(struct problem *problem)
{
    problem_set(problem, 503, "out_of_memory", "there is not enough memory now");
    problem->retry_after_s = 1;
}

void problem_add(struct problem *problem, const char *pointer, const char *format, ...)
{
    if (problem->n_errors == PROBLEM_MAX_ERRORS)
        return;

    size_t i = problem->n_errors++;
    char *detail = problem->errors[i].detail;
    va_list args;
    va_start(args, format);
    print_cut(detail, sizeof(problem->errors[i].detail), format, args);
    va_end(args);

    size_t size = sizeof(problem->errors[i].pointer);
    if ((size_t)snprintf(problem->errors[i].pointer, size, "%s", pointer) >= size)
        trim_cut_character(problem->errors[i].pointer, size - 1);
    if (i == 0 && problem->detail[0] == '\0')
        memcpy(problem->detail, detail, sizeof(problem->detail));
}

/* RFC 9457: the title of about:blank is the reason phrase of the status. */
static const char *reason_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } table[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 421, "Misdirected Request" },
        { 422, "Unprocessable Content" },
        { 428, "Precondition Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 507, "Insufficient Storage" },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].status == status)
            return table[i].reason;
    return status < 500 ? "Client Error" : "Server Error";
}

static void write_errors(const struct problem *problem, struct buf *body)
{
    buf_text(body, ",\"errors\":[");
    for (size_t i = 0; i < problem->n_errors; i++) {
        buf_text(body, i == 0 ? "{\"pointer\":" : ",{\"pointer\":");
        buf_json_string(body, problem->errors[i].pointer);
        buf_text(body, ",\"detail\":");
        buf_json_string(body, problem->errors[i].detail);
        buf_char(body, '}');
    }
    buf_char(body, ']');
}

void problem_write(const struct problem *problem, const char *instance, bool v2,
                   struct buf *ret_body)
{
    if (v2) {
        buf_text(ret_body, "{\"error\":");
        buf_json_string(ret_body, problem->detail);
        buf_char(ret_body, '}');
        return;
    }
    buf_text(ret_body, "{\"type\":\"about:blank\",\"title\":");
    buf_json_string(ret_body, reason_of(problem->status));
    buf_text(ret_body, ",\"status\":");
    buf_u64(ret_body, problem->status);
    buf_text(ret_body, ",\"detail\":");
    buf_json_string(ret_body, problem->detail);
    buf_text(ret_body, ",\"instance\":");
    buf_json_string(ret_body, instance);
    buf_text(ret_body, ",\"code\":");
    buf_json_string(ret_body, problem->code);
    if (problem->n_errors != 0)
        write_errors(problem, ret_body);
    if (problem->retry_after_s != 0) {
        buf_text(ret_body, ",\"retry_after_seconds\":");
        buf_u64(ret_body, problem->retry_after_s);
    }
    buf_text(ret_body, ",\"error\":");
    buf_json_string(ret_body, problem->detail);
    buf_char(ret_body, '}');
}
