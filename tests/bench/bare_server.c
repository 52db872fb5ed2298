/* SPDX-License-Identifier: Apache-2.0 */
/* bare_server.c - libmicrohttpd alone: reads a body, answers fixed bytes.
 *
 * The best that the library allows with the threads of the daemon: as many epoll threads,
 * fed by MHD_add_connection from one accepting thread. No routes, no copies of the body,
 * no clocks, no counters; one answer for all requests, made once.
 *
 *   bare_server THREADS CONNECTION_MEMORY ANSWER_FILE
 *
 * ANSWER_FILE: header lines, an empty line, the body; Date and Content-Length are the
 * library's. Listens on 127.0.0.1, prints the port, serves until it is killed.
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_THREADS 64
#define MAX_ANSWER  (64 * 1024)
#define BACKLOG     1024

static struct MHD_Response *response;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection,
                                 const char *url, const char *method, const char *version,
                                 const char *upload, size_t *upload_len, void **context)
{
    static char seen;

    (void)cls;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    if (*context == NULL) {
        *context = &seen;
        return MHD_YES;
    }
    if (*upload_len != 0) {
        *upload_len = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

/* Makes the response of "Name: value" lines, an empty line and a body. */
static void load_answer(const char *path)
{
    static char text[MAX_ANSWER];
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
    char *end, *body = strstr(text, "\n\n");

    if (file == NULL || body == NULL)
        fail(path);
    (void)fclose(file);
    *body = '\0';
    body += 2;
    response = MHD_create_response_from_buffer(len - (size_t)(body - text), body,
                                               MHD_RESPMEM_PERSISTENT);
    for (char *line = strtok_r(text, "\n", &end); line != NULL;
         line = strtok_r(NULL, "\n", &end)) {
        char *value = strstr(line, ": ");

        if (value == NULL)
            fail(path);
        *value = '\0';
        if (MHD_add_response_header(response, line, value + 2) != MHD_YES)
            fail(line);
    }
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail("listen");
    (void)printf("%u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void accept_forever(struct MHD_Daemon *const *daemons, unsigned n)
{
    int fd = listen_anywhere();

    for (unsigned next = 0;; next = (next + 1) % n) {
        struct sockaddr_in peer;
        socklen_t len = sizeof(peer);
        int one = 1;
        int accepted =
            accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (accepted < 0)
            fail("accept");
        (void)setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        (void)MHD_add_connection(daemons[next], accepted, (struct sockaddr *)&peer, len);
    }
}

int main(int argc, char **argv)
{
    struct MHD_Daemon *daemons[MAX_THREADS];
    unsigned n = argc == 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

    if (n < 1 || n > MAX_THREADS) {
        (void)fprintf(stderr,
                      "usage: bare_server THREADS CONNECTION_MEMORY ANSWER_FILE\n");
        return 2;
    }
    load_answer(argv[3]);
    for (unsigned i = 0; i < n; i++) {
        daemons[i] = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC, 0,
            NULL, NULL, on_access, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)strtoul(argv[2], NULL, 10), MHD_OPTION_END);
        if (daemons[i] == NULL)
            fail("MHD_start_daemon");
    }
    accept_forever(daemons, n);
}
