/* SPDX-License-Identifier: Apache-2.0 */
#include "api/web.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* After the four headers that it needs. */
#include <cmocka.h>

static const struct web_file *find_bytes(const char *path, size_t len)
{
    for (size_t i = 0; i < web_n_files; i++)
        if (strlen(web_files[i].path) == len && memcmp(web_files[i].path, path, len) == 0)
            return &web_files[i];
    return NULL;
}

static const struct web_file *find(const char *path)
{
    return find_bytes(path, strlen(path));
}

/* First place of `word` in bytes from .. len, or len. */
static size_t seek(const struct web_file *file, size_t from, const char *word)
{
    const uint8_t *at = NULL;

    if (from < file->len)
        at = memmem(file->bytes + from, file->len - from, word, strlen(word));
    return at == NULL ? file->len : (size_t)(at - file->bytes);
}

static bool holds(const struct web_file *file, const char *word)
{
    return seek(file, 0, word) < file->len;
}

/* Chart.js comes from the system; what it says in its comments is not ours to choose. */
static bool is_ours(const struct web_file *file)
{
    return strcmp(file->path, "/chart.js") != 0;
}

static void page_script_style_and_chart_library_are_there(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type, *word;
    } wanted[] = {
        { "/", "text/html; charset=utf-8", "<!DOCTYPE html>" },
        { "/app.js", "text/javascript; charset=utf-8", "/api/v1/status" },
        { "/style.css", "text/css; charset=utf-8", "prefers-color-scheme: dark" },
        { "/chart.js", "text/javascript; charset=utf-8", "Chart.js v3" },
    };

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const struct web_file *file = find(wanted[i].path);

        assert_non_null(file);
        assert_string_equal(file->content_type, wanted[i].type);
        assert_true(holds(file, wanted[i].word));
    }
}

static void no_file_is_empty_and_no_path_is_there_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < web_n_files; i++) {
        assert_true(web_files[i].len > 0);
        assert_int_equal(web_files[i].path[0], '/');
        assert_ptr_equal(find(web_files[i].path), &web_files[i]);
    }
}

static void etags_are_quoted_and_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < web_n_files; i++) {
        const char *etag = web_files[i].etag;
        size_t len = strlen(etag);

        assert_true(len > 2 && etag[0] == '"' && etag[len - 1] == '"');
        for (size_t c = 1; c < len - 1; c++)
            assert_true(isxdigit((unsigned char)etag[c]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(etag, web_files[j].etag);
    }
}

/* Checks what stands between `before` and the next quote, wherever it is found. */
static size_t check_references(const struct web_file *file, const char *before)
{
    size_t n = 0;

    for (size_t at = seek(file, 0, before); at < file->len; at = seek(file, at, before)) {
        at += strlen(before);
        size_t end = seek(file, at, "\"");
        const char *path = (const char *)file->bytes + at;
        bool is_api = end - at > 5 && memcmp(path, "/api/", 5) == 0;
        bool is_metrics = end - at == 8 && memcmp(path, "/metrics", 8) == 0;
        bool is_icon = end - at > 15 && memcmp(path, "data:image/png;", 15) == 0;

        if (!is_api && !is_metrics && !is_icon)
            assert_non_null(find_bytes(path, end - at));
        n++;
    }
    return n;
}

static void what_the_page_loads_is_embedded(void **state)
{
    (void)state;
    const struct web_file *page = find("/");

    assert_true(check_references(page, "src=\"") >= 2);
    assert_true(check_references(page, "href=\"") >= 1);
    assert_false(holds(find("/app.js"), "import "));
}

static void nothing_comes_from_another_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < web_n_files; i++) {
        const struct web_file *file = &web_files[i];

        if (!is_ours(file))
            continue;
        assert_false(holds(file, "://"));
        assert_false(holds(file, "=\"//"));
        assert_false(holds(file, "url("));
        assert_false(holds(file, "@import"));
    }
}

/* A policy of default-src 'self' forbids inline scripts and styles, and eval. The icon is
 * a picture in the page: such policies have img-src data:. */
static void page_works_under_a_strict_content_policy(void **state)
{
    (void)state;
    static const char *const forbidden[] = { "<style",  "style=\"", "onclick=",
                                             "onload=", "oninput=", "javascript:" };
    const struct web_file *page = find("/");

    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        assert_false(holds(page, forbidden[i]));
    for (size_t at = seek(page, 0, "<script"); at < page->len;
         at = seek(page, at + 1, "<script"))
        assert_int_equal(seek(page, at, "<script src=\"/"), at);
    for (size_t i = 0; i < web_n_files; i++)
        if (is_ours(&web_files[i])) {
            assert_false(holds(&web_files[i], "eval("));
            assert_false(holds(&web_files[i], "innerHTML"));
            assert_false(holds(&web_files[i], "insertAdjacentHTML"));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_script_style_and_chart_library_are_there),
        cmocka_unit_test(no_file_is_empty_and_no_path_is_there_twice),
        cmocka_unit_test(etags_are_quoted_and_differ),
        cmocka_unit_test(what_the_page_loads_is_embedded),
        cmocka_unit_test(nothing_comes_from_another_server),
        cmocka_unit_test(page_works_under_a_strict_content_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
