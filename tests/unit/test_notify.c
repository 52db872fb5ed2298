/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"

#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void set(const char *name, const char *value)
{
    assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void set_pid(const char *name, long pid)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%ld", pid);
    set(name, text);
}

/* A socket that a service manager would listen on; `text` as $NOTIFY_SOCKET has it. */
static int listen_at(const char *text)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(text);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, text, len);
    if (text[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
    return fd;
}

static void assert_heard(int fd, const char *want)
{
    char got[256];
    ssize_t len = recv(fd, got, sizeof(got) - 1, 0);

    assert_int_equal(len, strlen(want));
    got[len] = '\0';
    assert_string_equal(got, want);
}

static void a_state_is_one_datagram(void **state)
{
    struct scratch scratch;

    (void)state;
    scratch_make(&scratch);
    set("NOTIFY_SOCKET", scratch_path(&scratch, "n"));
    int fd = listen_at(scratch_path(&scratch, "n"));
    notify_send("READY=1");
    notify_send("STOPPING=1");
    assert_heard(fd, "READY=1");
    assert_heard(fd, "STOPPING=1");
    (void)close(fd);
    /* Nobody there: no harm. */
    notify_send("WATCHDOG=1");
    scratch_remove(&scratch);
}

static void abstract_addresses_begin_with_an_at(void **state)
{
    char name[64];

    (void)state;
    (void)snprintf(name, sizeof(name), "@spinbnn-test-%ld", (long)getpid());
    set("NOTIFY_SOCKET", name);
    int fd = listen_at(name);
    notify_send("READY=1");
    assert_heard(fd, "READY=1");
    (void)close(fd);
}

static void without_a_usable_address_nothing_is_sent(void **state)
{
    char long_path[200];

    (void)state;
    memset(long_path, '/', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    set("NOTIFY_SOCKET", NULL);
    notify_send("READY=1");
    set("NOTIFY_SOCKET", "");
    notify_send("READY=1");
    set("NOTIFY_SOCKET", "relative");
    notify_send("READY=1");
    set("NOTIFY_SOCKET", long_path);
    notify_send("READY=1");
    set("NOTIFY_SOCKET", NULL);
}

static void the_watchdog_hears_us_twice_in_its_interval(void **state)
{
    (void)state;
    set("WATCHDOG_PID", NULL);
    set("WATCHDOG_USEC", NULL);
    assert_int_equal(notify_watchdog_ms(), 0);
    set("WATCHDOG_USEC", "30000000");
    assert_int_equal(notify_watchdog_ms(), 15000);
    set_pid("WATCHDOG_PID", (long)getpid());
    assert_int_equal(notify_watchdog_ms(), 15000);
    set_pid("WATCHDOG_PID", (long)getpid() + 1);
    assert_int_equal(notify_watchdog_ms(), 0);
}

static void sockets_are_ours_if_the_process_is(void **state)
{
    static const struct {
        const char *fds;
        unsigned n;
    } table[] = { { "1", 1 },  { "16", 16 }, { "0", 0 },
                  { "-1", 0 }, { "17", 0 },  { "x", 0 } };

    (void)state;
    set("LISTEN_FDS", "2");
    set("LISTEN_PID", NULL);
    assert_int_equal(notify_listen_fds(), 0);
    set_pid("LISTEN_PID", (long)getpid() + 1);
    assert_int_equal(notify_listen_fds(), 0);
    set_pid("LISTEN_PID", (long)getpid());
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        set("LISTEN_FDS", table[i].fds);
        assert_int_equal(notify_listen_fds(), table[i].n);
    }
    set("LISTEN_FDS", NULL);
    assert_int_equal(notify_listen_fds(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_one_datagram),
        cmocka_unit_test(abstract_addresses_begin_with_an_at),
        cmocka_unit_test(without_a_usable_address_nothing_is_sent),
        cmocka_unit_test(the_watchdog_hears_us_twice_in_its_interval),
        cmocka_unit_test(sockets_are_ours_if_the_process_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
