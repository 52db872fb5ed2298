/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager hears from a daemon that lives, and nothing from one of whose data
 * threads hangs. How long one has hung is said here; that it is seen is
 * test_http_reserved.c's.
 */
#include "tests/flow/serve_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define WATCHDOG_MS 20
#define PERIOD_MS   (WATCHDOG_MS / 2)

static _Atomic uint64_t stuck_ns;
static atomic_uint n_asked;

uint64_t __wrap_http_server_stuck_ns(const struct http_server *server);

uint64_t __wrap_http_server_stuck_ns(const struct http_server *server)
{
    (void)server;
    (void)atomic_fetch_add(&n_asked, 1);
    return atomic_load(&stuck_ns);
}

static int listen_for_states(struct serve *serve)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    char usec[32];

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                   scratch_path(&serve->scratch, "notify"));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)snprintf(usec, sizeof(usec), "%d", WATCHDOG_MS * 1000);
    assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
    return fd;
}

/* Takes what was told so far; is there a sign of life in it? */
static bool heard(int fd)
{
    char state[100];
    bool alive = false;
    ssize_t len;

    while ((len = recv(fd, state, sizeof(state) - 1, 0)) > 0) {
        state[len] = '\0';
        alive |= strcmp(state, "WATCHDOG=1") == 0;
    }
    return alive;
}

/* Is there a sign of life in what is told until so many askings have come? What was told
 * for an earlier one is told when the next one comes. Who is told and does not listen
 * holds the daemon up: the socket has room for ten. */
static bool heard_while_asked(int fd, unsigned times)
{
    unsigned begin = atomic_load(&n_asked);
    bool alive = false;

    while (atomic_load(&n_asked) - begin < times) {
        alive |= heard(fd);
        serve_wait_a_little();
    }
    return heard(fd) || alive;
}

static void wait_until_heard(int fd)
{
    while (!heard(fd))
        serve_wait_a_little();
}

static void a_data_thread_that_hangs_silences_the_watchdog(void **state)
{
    struct serve *serve = *state;
    int fd = listen_for_states(serve);

    serve_start(serve, 1000000, 4);
    wait_until_heard(fd);
    /* Not longer than one may be. */
    atomic_store(&stuck_ns, UINT64_C(1000000) * PERIOD_MS - 1);
    (void)heard_while_asked(fd, 2);
    wait_until_heard(fd);
    atomic_store(&stuck_ns, UINT64_C(1000000) * PERIOD_MS);
    (void)heard_while_asked(fd, 2);
    assert_false(heard_while_asked(fd, 10));
    /* It was slow, after all. */
    atomic_store(&stuck_ns, 0);
    wait_until_heard(fd);
    serve_stop(serve);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_data_thread_that_hangs_silences_the_watchdog,
                                        serve_setup, serve_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
