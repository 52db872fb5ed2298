/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

static enum status fail(const char *address, const char *what, char why[ERR_LEN])
{
    enum status st = errno == EADDRINUSE || errno == EADDRNOTAVAIL ? ST_BUSY
                     : errno == EACCES || errno == EPERM           ? ST_PERMISSION
                     : errno == ENOMEM || errno == ENFILE || errno == EMFILE ? ST_NOMEM
                                                                             : ST_IO;

    (void)snprintf(why, ERR_LEN, "%.120s: %s: %s", address, what, strerror(errno));
    return st;
}

static bool is_local(const struct sockaddr *address)
{
    const struct in6_addr *v6 =
        &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    const struct in_addr *v4 =
        &((const struct sockaddr_in *)(const void *)address)->sin_addr;

    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(v6) ||
               (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
    return address->sa_family != AF_INET || ntohl(v4->s_addr) >> 24 == 127;
}

/* The address a socket is bound to, as text, and who reaches it. */
static void name_socket(struct listen_socket *listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char host[64], port[16];

    bool known = getsockname(listener->fd, (struct sockaddr *)&address, &len) == 0;

    listener->local = known && is_local((struct sockaddr *)&address);
    if (known && address.ss_family == AF_UNIX)
        (void)snprintf(listener->name, sizeof(listener->name), "unix:%s",
                       ((struct sockaddr_un *)&address)->sun_path);
    else if (!known ||
             getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port,
                         sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        (void)snprintf(listener->name, sizeof(listener->name), "fd %d", listener->fd);
    else if (address.ss_family == AF_INET6)
        (void)snprintf(listener->name, sizeof(listener->name), "[%s]:%s", host, port);
    else
        (void)snprintf(listener->name, sizeof(listener->name), "%s:%s", host, port);
}

static enum status bind_and_listen(struct listen_socket *listener, const char *text,
                                   const struct sockaddr *address, socklen_t len,
                                   char why[ERR_LEN])
{
    if (bind(listener->fd, address, len) != 0)
        return fail(text, "cannot bind", why);
    if (listen(listener->fd, BACKLOG) != 0)
        return fail(text, "cannot listen", why);
    name_socket(listener);
    return ST_OK;
}

/* A socket file that nobody listens on any more is removed; one in use is left alone, and
 * so is what is no socket: connecting to a plain file is refused as well. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat file;

    if (lstat(address->sun_path, &file) != 0 || !S_ISSOCK(file.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED)
        (void)unlink(address->sun_path);
    (void)close(fd);
}

static enum status check_unix(const char *text, const char *path, char why[ERR_LEN])
{
    size_t size = sizeof(((struct sockaddr_un *)NULL)->sun_path);

    if (path[0] == '/' && strlen(path) < size)
        return ST_OK;
    (void)snprintf(why, ERR_LEN, "%.120s: expected an absolute path of at most %zu bytes",
                   text, size - 1);
    return ST_RANGE;
}

/* Would it bind? A socket that is there may be in use or not, for now. */
static enum status check_place(const char *text, const char *path, char why[ERR_LEN])
{
    char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct stat file;

    if (lstat(path, &file) == 0 && !S_ISSOCK(file.st_mode)) {
        errno = EADDRINUSE;
        return fail(text, "cannot bind", why);
    }
    (void)snprintf(folder, sizeof(folder), "%.*s/", (int)(strrchr(path, '/') - path),
                   path);
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0
               ? ST_OK
               : fail(text, "cannot bind", why);
}

static enum status open_unix(const char *text, const char *path,
                             struct listen_socket *listener, char why[ERR_LEN])
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    enum status st = check_unix(text, path, why);

    if (st != ST_OK)
        return st;
    strcpy(address.sun_path, path);
    remove_stale(&address);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail(text, "no socket", why);
    st = bind_and_listen(listener, text, (struct sockaddr *)&address, sizeof(address),
                         why);
    if (st != ST_OK)
        return st;
    strcpy(listener->path, path);
    /* Group members may connect; narrower if the folder is. */
    (void)chmod(path, 0660);
    return ST_OK;
}

/* Splits HOST:PORT or [IPV6]:PORT. */
static bool split(const char *text, char host[128], char port[16])
{
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;

    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) > 5 || len >= 127)
        return false;
    for (const char *c = colon + 1; *c != '\0'; c++)
        if (*c < '0' || *c > '9')
            return false;
    /* getaddrinfo would take it modulo 65536. */
    if (strtoul(colon + 1, NULL, 10) > UINT16_MAX)
        return false;
    if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    } else if (memchr(text, ':', len) != NULL) {
        return false;
    }
    (void)snprintf(host, 128, "%.*s", (int)len, text);
    (void)snprintf(port, 16, "%s", colon + 1);
    return len > 0;
}

/* One of the addresses that a name stands for. On failure no descriptor is left. */
static enum status open_found(const char *text, const struct addrinfo *found,
                              struct listen_socket *listener, char why[ERR_LEN])
{
    int one = 1;

    listener->fd =
        socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail(text, "no socket", why);
    (void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (found->ai_family == AF_INET6)
        (void)setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    enum status st =
        bind_and_listen(listener, text, found->ai_addr, found->ai_addrlen, why);
    if (st != ST_OK) {
        (void)close(listener->fd);
        listener->fd = -1;
    }
    return st;
}

/* ST_NOMEM: nobody can say now. */
static enum status find_inet(const char *text, struct addrinfo **ret_found,
                             char why[ERR_LEN])
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    char host[128], port[16];

    if (!split(text, host, port)) {
        (void)snprintf(
            why, ERR_LEN,
            "\"%.100s\": expected HOST:PORT, [IPV6]:PORT or unix:PATH, with a port "
            "of at most 65535",
            text);
        return ST_RANGE;
    }
    int error = getaddrinfo(host, port, &hints, ret_found);
    if (error != 0) {
        (void)snprintf(why, ERR_LEN, "%.100s: %s", text, gai_strerror(error));
        return error == EAI_AGAIN || error == EAI_MEMORY ? ST_NOMEM : ST_RANGE;
    }
    return ST_OK;
}

static enum status open_inet(const char *text, struct listen_socket *listener,
                             char why[ERR_LEN])
{
    struct addrinfo *found;
    enum status st = find_inet(text, &found, why);

    if (st != ST_OK)
        return st;
    /* A name such as localhost may begin with an address of a family that this machine
     * does not have. One that is in use is an answer. */
    st = ST_IO;
    for (const struct addrinfo *at = found; at != NULL && st == ST_IO; at = at->ai_next)
        st = open_found(text, at, listener, why);
    freeaddrinfo(found);
    return st;
}

enum status listen_open(const char *address, struct listen_socket *ret_socket,
                        char why[ERR_LEN])
{
    struct listen_socket listener = { .fd = -1 };
    enum status st = strncmp(address, "unix:", 5) == 0
                         ? open_unix(address, address + 5, &listener, why)
                         : open_inet(address, &listener, why);

    if (st != ST_OK) {
        if (listener.fd >= 0)
            (void)close(listener.fd);
        return st;
    }
    *ret_socket = listener;
    return ST_OK;
}

enum status listen_check(const char *address, bool *ret_local, char why[ERR_LEN])
{
    struct addrinfo *found;

    *ret_local = true;
    if (strncmp(address, "unix:", 5) == 0) {
        enum status st = check_unix(address, address + 5, why);

        return st == ST_OK ? check_place(address, address + 5, why) : st;
    }
    enum status st = find_inet(address, &found, why);
    if (st != ST_OK)
        return st;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        *ret_local = *ret_local && is_local(at->ai_addr);
    freeaddrinfo(found);
    return ST_OK;
}

enum status listen_adopt(int fd, struct listen_socket *ret_socket, char why[ERR_LEN])
{
    struct listen_socket listener = { .fd = fd };
    int listening = 0;
    socklen_t len = sizeof(listening);

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening) {
        (void)snprintf(why, ERR_LEN,
                       "descriptor %d handed over by the service manager is no "
                       "listening socket",
                       fd);
        return ST_IO;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    name_socket(&listener);
    *ret_socket = listener;
    return ST_OK;
}

void listen_close(struct listen_socket *listener)
{
    if (listener->fd >= 0)
        (void)close(listener->fd);
    listener->fd = -1;
    if (listener->path[0] != '\0')
        (void)unlink(listener->path);
    listener->path[0] = '\0';
}
