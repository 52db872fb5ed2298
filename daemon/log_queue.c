/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log_queue.h"

#include "daemon/wall.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is written at once: whole lines, so that those of other processes on the same pipe
 * do not come in between (PIPE_BUF). */
#define CHUNK 4096
/* How long a process that is about to die waits for what it has said. */
#define LAST_WORDS_NS UINT64_C(2000000000)

enum way {
    WAY_DIRECT,  /* there is no thread */
    WAY_QUEUE,   /* the thread writes */
    WAY_NOWHERE, /* the thread was given up: standard error takes nothing */
};

static const int fatal[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };
#define N_FATAL (sizeof(fatal) / sizeof(fatal[0]))

/* One, as there is one standard error. Static, so that a thread that is stuck in a write
 * may be left behind. */
static struct {
    pthread_mutex_t mutex; /* of all below that is not atomic, and of all writing */
    pthread_cond_t more, written;
    pthread_t thread;
    log_queue_note *note;
    _Atomic int way; /* enum way */
    bool ending;
    /* Bytes that ever came, and that ever were written: those in between are in `ring`.
     */
    _Atomic uint64_t n_put, n_written;
    uint64_t n_missing; /* lines since the last note */
    _Atomic uint64_t n_dropped;
    struct sigaction before[N_FATAL];
    char ring[LOG_QUEUE_ROOM];
} queue = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* -- Standard error -- */

/* A line that cannot be written is lost, which is no reason to stop. */
static void write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, len);

        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) { /* somebody made it non-blocking */
            struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

            (void)poll(&out, 1, -1);
        } else if (n == 0 || errno != EINTR) {
            return;
        }
    }
}

/* -- The ring; under the mutex -- */

static size_t n_waiting(void)
{
    return (size_t)(queue.n_put - queue.n_written);
}

static bool fits(size_t len)
{
    return len <= LOG_QUEUE_ROOM - n_waiting();
}

static void append(const char *bytes, size_t len)
{
    size_t at = (size_t)(queue.n_put % LOG_QUEUE_ROOM);
    size_t before_end = LOG_QUEUE_ROOM - at < len ? LOG_QUEUE_ROOM - at : len;

    memcpy(queue.ring + at, bytes, before_end);
    memcpy(queue.ring, bytes + before_end, len - before_end);
    queue.n_put += len;
}

/* The oldest lines, whole ones; how many bytes. They stay in the ring. */
static size_t copy_oldest(char chunk[CHUNK])
{
    size_t len = n_waiting() < CHUNK ? n_waiting() : CHUNK;
    size_t at = (size_t)(queue.n_written % LOG_QUEUE_ROOM);
    size_t before_end = LOG_QUEUE_ROOM - at < len ? LOG_QUEUE_ROOM - at : len;

    memcpy(chunk, queue.ring + at, before_end);
    memcpy(chunk + before_end, queue.ring, len - before_end);
    while (chunk[len - 1] != '\n') /* a line is shorter than a chunk */
        len--;
    return len;
}

/* Puts the note of what is missing before `len` more bytes; false if there is no room. */
static bool put_note(size_t len)
{
    char line[LOG_QUEUE_LINE];

    if (queue.n_missing == 0)
        return fits(len);
    size_t note_len = queue.note(queue.n_missing, line);
    if (!fits(note_len + len))
        return false;
    append(line, note_len);
    queue.n_missing = 0;
    return true;
}

/* -- The log thread -- */

static void *write_lines(void *arg)
{
    char chunk[CHUNK];

    (void)pthread_mutex_lock(&queue.mutex);
    for (;;) {
        while (n_waiting() == 0 && !queue.ending)
            (void)pthread_cond_wait(&queue.more, &queue.mutex);
        if (n_waiting() == 0)
            break;
        size_t len = copy_oldest(chunk);
        (void)pthread_mutex_unlock(&queue.mutex);
        write_all(chunk, len);
        (void)pthread_mutex_lock(&queue.mutex);
        /* The last that was written is not the last that was said. */
        if (n_waiting() == len)
            (void)put_note(0);
        queue.n_written += len;
        if (n_waiting() == 0)
            (void)pthread_cond_broadcast(&queue.written);
    }
    (void)pthread_mutex_unlock(&queue.mutex);
    return arg;
}

/* -- The end of a process that dies -- */

static void stop_watching(void)
{
    for (size_t i = 0; i < N_FATAL; i++)
        (void)sigaction(fatal[i], &queue.before[i], NULL); /* cannot fail for these */
}

/* Whatever thread this is, the log thread goes on meanwhile; unless it is the one. Only
 * what a signal handler may do. */
static void last_words(int number, siginfo_t *info, void *context)
{
    const struct timespec ms = { .tv_nsec = 1000000 };
    uint64_t began_ns = wall_monotonic_ns();

    (void)context;
    if (queue.way == WAY_QUEUE && !pthread_equal(pthread_self(), queue.thread))
        while (queue.n_written != queue.n_put &&
               wall_monotonic_ns() - began_ns < LAST_WORDS_NS)
            (void)nanosleep(&ms, NULL);
    stop_watching();
    /* A fault happens again when we return, as it was; others have to be sent. */
    if (info->si_code <= 0)
        (void)raise(number);
}

static void watch_for_the_end(void)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    action.sa_sigaction = last_words;
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < N_FATAL; i++)
        (void)sigaction(fatal[i], &action, &queue.before[i]);
}

/* -- Start and stop -- */

static void init_conditions(void)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes); /* none of these can fail on Linux */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&queue.more, &attributes);
    (void)pthread_cond_init(&queue.written, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

enum status log_queue_start(log_queue_note *note)
{
    init_conditions();
    queue.note = note;
    queue.ending = false;
    if (pthread_create(&queue.thread, NULL, write_lines, NULL) != 0)
        return ST_NOMEM;
    (void)pthread_setname_np(queue.thread, "log");
    queue.way = WAY_QUEUE;
    watch_for_the_end();
    return ST_OK;
}

/* Waits until all is written; false when time is up. Under the mutex. */
static bool wait_until_written(unsigned limit_ms)
{
    struct timespec until;
    int error = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
    until.tv_sec += limit_ms / 1000;
    until.tv_nsec += (long)(limit_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (n_waiting() > 0 && error == 0)
        error = pthread_cond_timedwait(&queue.written, &queue.mutex, &until);
    return n_waiting() == 0;
}

void log_queue_stop(unsigned limit_ms)
{
    (void)pthread_mutex_lock(&queue.mutex);
    if (queue.way != WAY_QUEUE) {
        (void)pthread_mutex_unlock(&queue.mutex);
        return;
    }
    bool written = wait_until_written(limit_ms);
    queue.way = written ? WAY_DIRECT : WAY_NOWHERE;
    queue.ending = true;
    (void)pthread_cond_signal(&queue.more);
    (void)pthread_mutex_unlock(&queue.mutex);
    stop_watching();
    if (written)
        (void)pthread_join(queue.thread, NULL);
    else
        (void)pthread_detach(queue.thread);
}

/* -- Lines -- */

static void enqueue(const char *line, size_t len)
{
    if (put_note(len)) {
        append(line, len);
        (void)pthread_cond_signal(&queue.more);
        return;
    }
    queue.n_missing++;
    queue.n_dropped++;
}

void log_queue_put(const char *line, size_t len)
{
    (void)pthread_mutex_lock(&queue.mutex);
    enum way way = (enum way)queue.way;
    if (way == WAY_QUEUE)
        enqueue(line, len);
    else if (way == WAY_NOWHERE)
        queue.n_dropped++;
    (void)pthread_mutex_unlock(&queue.mutex);
    if (way == WAY_DIRECT)
        write_all(line, len);
}

uint64_t log_queue_dropped(void)
{
    return queue.n_dropped;
}
