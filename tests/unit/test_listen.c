/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/listen.h"

#include "tests/lib/scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char why[ERR_LEN];

static struct listen_socket open_one(const char *address)
{
    struct listen_socket opened;

    if (listen_open(address, &opened, why) != ST_OK)
        fail_msg("%s: %s", address, why);
    return opened;
}

static enum status refused(const char *address)
{
    struct listen_socket opened = { .fd = -7 };
    enum status st = listen_open(address, &opened, why);

    assert_int_equal(opened.fd, -7);
    if (st == ST_OK ||
        strncmp(why + (why[0] == '"'), address, strnlen(address, 100)) != 0)
        fail_msg("%s: status %d, %s", address, (int)st, why);
    return st;
}

static bool exists(const char *path)
{
    struct stat file;

    return lstat(path, &file) == 0;
}

/* -- TCP -- */

static void port_0_is_named_as_it_was_given_out(void **state)
{
    struct listen_socket opened = open_one("127.0.0.1:0");
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    unsigned port;

    (void)state;
    assert_int_equal(sscanf(opened.name, "127.0.0.1:%u", &port), 1);
    assert_in_range(port, 1, 65535);
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(close(fd), 0);
    listen_close(&opened);
    assert_int_equal(opened.fd, -1);
    listen_close(&opened);
}

static void sockets_do_not_block_and_do_not_outlive_an_exec(void **state)
{
    struct listen_socket opened = open_one("127.0.0.1:0");

    (void)state;
    assert_int_equal(accept(opened.fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(fcntl(opened.fd, F_GETFD) & FD_CLOEXEC);
    listen_close(&opened);
}

static void an_address_in_use_is_busy(void **state)
{
    struct listen_socket first = open_one("127.0.0.1:0");

    (void)state;
    assert_int_equal(refused(first.name), ST_BUSY);
    assert_non_null(strstr(why, first.name));
    listen_close(&first);
}

static void names_of_hosts_are_found(void **state)
{
    struct listen_socket opened = open_one("localhost:0");

    (void)state;
    assert_true(strncmp(opened.name, "127.0.0.1:", 10) == 0 ||
                strncmp(opened.name, "[::1]:", 6) == 0);
    listen_close(&opened);
}

static void version_6_is_in_brackets(void **state)
{
    struct listen_socket opened;

    (void)state;
    enum status st = listen_open("[::1]:0", &opened, why);
    if (st == ST_IO)
        skip(); /* this machine has no IPv6 */
    assert_int_equal(st, ST_OK);
    assert_int_equal(strncmp(opened.name, "[::1]:", 6), 0);
    listen_close(&opened);
}

static void text_that_is_no_address_is_out_of_range(void **state)
{
    static const char *const bad[] = {
        "",
        "nonsense",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.0.1:65536",
        "127.0.0.1:99999",
        "127.0.0.1:123456",
        "::1:80",
        "[]:80",
        "1.2.3.4.5:80",
        "unix:",
        "unix:relative",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (refused(bad[i]) != ST_RANGE)
            fail_msg("%s: %s", bad[i], why);

    char long_path[128] = "unix:/";
    memset(long_path + 6, 'a', sizeof(long_path) - 7);
    assert_int_equal(refused(long_path), ST_RANGE);
    assert_non_null(strstr(why, "107"));
}

/* -- Unix sockets -- */

static const char *address_of(struct scratch *scratch, const char *name)
{
    static char address[160];

    (void)snprintf(address, sizeof(address), "unix:%s", scratch_path(scratch, name));
    return address;
}

static void a_unix_socket_is_there_until_it_is_closed(void **state)
{
    struct scratch scratch;

    (void)state;
    scratch_make(&scratch);
    struct listen_socket opened = open_one(address_of(&scratch, "s"));
    assert_string_equal(opened.name, address_of(&scratch, "s"));
    assert_string_equal(opened.path, scratch_path(&scratch, "s"));
    assert_true(exists(opened.path));
    listen_close(&opened);
    assert_false(exists(scratch_path(&scratch, "s")));
    scratch_remove(&scratch);
}

static void a_stale_socket_file_is_replaced_and_one_in_use_is_not(void **state)
{
    struct scratch scratch;

    (void)state;
    scratch_make(&scratch);
    struct listen_socket first = open_one(address_of(&scratch, "s"));
    assert_int_equal(refused(address_of(&scratch, "s")), ST_BUSY);
    assert_true(exists(first.path));
    /* As after a crash: closed, the file left. */
    assert_int_equal(close(first.fd), 0);
    struct listen_socket second = open_one(address_of(&scratch, "s"));
    listen_close(&second);
    scratch_remove(&scratch);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    struct scratch scratch;
    char path[128];

    (void)state;
    scratch_make(&scratch);
    (void)snprintf(path, sizeof(path), "%s",
                   scratch_file(&scratch, "precious", "text", 4));
    assert_int_equal(refused(address_of(&scratch, "precious")), ST_BUSY);
    size_t len;
    uint8_t *bytes = scratch_read(path, &len);
    assert_int_equal(len, 4);
    free(bytes);
    scratch_remove(&scratch);
}

/* -- Sockets from the service manager -- */

static void a_listening_socket_is_adopted(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct listen_socket adopted;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(listen_adopt(fd, &adopted, why), ST_OK);
    assert_int_equal(adopted.fd, fd);
    assert_int_equal(strncmp(adopted.name, "127.0.0.1:", 10), 0);
    assert_string_equal(adopted.path, "");
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    listen_close(&adopted);
}

static void the_file_of_an_adopted_socket_stays(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct scratch scratch;
    struct listen_socket adopted;

    (void)state;
    scratch_make(&scratch);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s",
                   scratch_path(&scratch, "s"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(listen_adopt(fd, &adopted, why), ST_OK);
    assert_string_equal(adopted.name, address_of(&scratch, "s"));
    listen_close(&adopted);
    assert_true(exists(address.sun_path));
    scratch_remove(&scratch);
}

static void what_does_not_listen_is_not_adopted(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int pipes[2];
    struct listen_socket adopted;

    (void)state;
    assert_int_equal(listen_adopt(fd, &adopted, why), ST_IO);
    assert_non_null(strstr(why, "no listening socket"));
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(listen_adopt(pipes[0], &adopted, why), ST_IO);
    assert_int_equal(listen_adopt(9999, &adopted, why), ST_IO);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    (void)close(fd);
}

static void addresses_that_others_reach_are_told(void **state)
{
    static const struct {
        const char *text;
        bool local;
    } cases[] = { { "127.0.0.1:80", true },
                  { "127.9.9.9:80", true },
                  { "[::1]:80", true },
                  { "localhost:80", true },
                  { "0.0.0.0:80", false },
                  { "192.0.2.1:80", false },
                  { "[::]:80", false },
                  { "[2001:db8::1]:80", false },
                  { "unix:/tmp/spinbnn-x", true },
                  { "[::ffff:127.0.0.1]:80", true },
                  { "[::ffff:192.0.2.1]:80", false } };
    static const char *const bad[] = { "", "x", "127.0.0.1", "127.0.0.1:70000",
                                       "unix:x" };
    char reason[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool local = !cases[i].local;

        assert_int_equal(listen_check(cases[i].text, &local, reason), ST_OK);
        if (local != cases[i].local)
            fail_msg("%s", cases[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bool local;

        assert_int_equal(listen_check(bad[i], &local, reason), ST_RANGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_others_reach_are_told),
        cmocka_unit_test(port_0_is_named_as_it_was_given_out),
        cmocka_unit_test(sockets_do_not_block_and_do_not_outlive_an_exec),
        cmocka_unit_test(an_address_in_use_is_busy),
        cmocka_unit_test(names_of_hosts_are_found),
        cmocka_unit_test(version_6_is_in_brackets),
        cmocka_unit_test(text_that_is_no_address_is_out_of_range),
        cmocka_unit_test(a_unix_socket_is_there_until_it_is_closed),
        cmocka_unit_test(a_stale_socket_file_is_replaced_and_one_in_use_is_not),
        cmocka_unit_test(what_is_no_socket_is_left_alone),
        cmocka_unit_test(a_listening_socket_is_adopted),
        cmocka_unit_test(the_file_of_an_adopted_socket_stays),
        cmocka_unit_test(what_does_not_listen_is_not_adopted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
