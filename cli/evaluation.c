/* SPDX-License-Identifier: Apache-2.0 */
/* evaluation.c - one libcurl multi handle, one slot for each connection.
 *
 *   slot_start    takes the next pictures, builds the body, sends it
 *   slot_finish   counts the answer, or says when the same body is sent again
 *   slot_resend   sends it again
 */
#include "cli/evaluation.h"

#include "cli/field.h"
#include "cli/progress.h"
#include "cli/report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

/* How long the loop sleeps at most: Ctrl-C is noticed as late as this. */
#define MAX_WAIT_MS 100
/* How late a request may be sent again. */
#define RESEND_WAIT_MS 10
/* A daemon that stays busy for so many tries does not just have a peak. */
#define MAX_TRIES       20
#define FIRST_PAUSE_S   0.1
#define LONGEST_PAUSE_S 10.0

enum slot_state { SLOT_FREE, SLOT_SENT, SLOT_WAITS };

struct slot {
    enum slot_state state;
    CURL *curl; /* ours */
    char *body; /* ours */
    size_t len;
    size_t first, n; /* pictures */
    struct client_body answer;
    unsigned tries;
    double resend_at_s;
};

struct run {
    struct evaluation *e;       /* borrowed */
    CURLM *multi;               /* ours */
    struct curl_slist *headers; /* ours */
    struct slot slots[EVALUATION_MAX_CONNECTIONS];
    size_t next; /* first picture not yet sent */
    double began_s;
    struct progress progress;
    int code; /* EXIT_SUCCESS while all goes well */
};

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* -- Slots -- */

static int out_of_memory(void)
{
    return report(EXIT_FAILURE, "out of memory");
}

static int slot_init(struct run *run, struct slot *slot)
{
    CURL *curl = slot->curl = client_handle(run->e->client, run->e->path);

    if (curl == NULL ||
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, run->headers) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, client_body_add) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &slot->answer) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_PRIVATE, slot) != CURLE_OK)
        return out_of_memory();
    return EXIT_SUCCESS;
}

static int slot_resend(struct run *run, struct slot *slot)
{
    slot->state = SLOT_SENT;
    slot->answer.len = 0;
    return curl_multi_add_handle(run->multi, slot->curl) == CURLM_OK ? EXIT_SUCCESS
                                                                     : out_of_memory();
}

static int slot_start(struct run *run, struct slot *slot)
{
    const struct evaluation *e = run->e;
    size_t left = e->n - run->next;
    char why[ERR_LEN];

    free(slot->body);
    slot->body = NULL;
    slot->first = run->next;
    slot->n =
        batch_count(e->set, &e->shape, slot->first, left < e->batch ? left : e->batch);
    slot->tries = 0;
    if (batch_body(e->set, &e->shape, slot->first, slot->n, &slot->body, &slot->len,
                   why) != ST_OK) {
        progress_end(&run->progress);
        return report(EXIT_FAILURE, "evaluate: %s", why);
    }
    if (curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)slot->len) != CURLE_OK ||
        curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDS, slot->body) != CURLE_OK)
        return out_of_memory();
    run->next += slot->n;
    return slot_resend(run, slot);
}

/* When the daemon wants to see the request again; without word from it we wait longer
 * each time. */
static double pause_s(const struct slot *slot)
{
    curl_off_t asked = 0;
    double pause = FIRST_PAUSE_S * (double)(1u << (slot->tries < 8 ? slot->tries : 8));

    (void)curl_easy_getinfo(slot->curl, CURLINFO_RETRY_AFTER, &asked); /* 0 if absent */
    if (asked > 0)
        pause = (double)asked;
    return pause < LONGEST_PAUSE_S ? pause : LONGEST_PAUSE_S;
}

static int slot_count(struct run *run, struct slot *slot)
{
    json_t *answer = slot->answer.bytes == NULL
                         ? NULL
                         : json_loadb(slot->answer.bytes, slot->answer.len,
                                      JSON_REJECT_DUPLICATES, NULL);
    char why[ERR_LEN];
    enum status st = tally_add(&run->e->tally, answer, run->e->set->labels + slot->first,
                               slot->n, run->e->top, why);

    json_decref(answer);
    if (st == ST_OK)
        return EXIT_SUCCESS;
    progress_end(&run->progress);
    return report(EXIT_FAILURE, "evaluate: %s", why);
}

/* The daemon counts pictures from the first of its request; a file has a name. */
static void name_file(const struct run *run, const struct slot *slot,
                      const json_t *problem)
{
    const json_t *error = json_array_get(field(problem, "errors"), 0);
    const char *pointer = field_text(error, "pointer", "");
    unsigned long i = 0;

    if (run->e->set->files != NULL && sscanf(pointer, "/images/%lu", &i) == 1 &&
        i < slot->n)
        report(0, "evaluate: that is %s", run->e->set->files[slot->first + i].path);
}

static int slot_refused(const struct run *run, const struct slot *slot, long status)
{
    json_t *problem = slot->answer.len == 0
                          ? NULL
                          : json_loadb(slot->answer.bytes, slot->answer.len, 0, NULL);

    report_problem(stderr, "evaluate", status, problem);
    name_file(run, slot, problem);
    json_decref(problem);
    return EXIT_FAILURE;
}

/* Judges what came. The bar is in the way of a report and is taken away first. */
static int slot_finish(struct run *run, struct slot *slot, CURLcode result)
{
    long status = 0;

    curl_multi_remove_handle(run->multi, slot->curl);
    slot->state = SLOT_FREE;
    (void)curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK && status == 200)
        return slot_count(run, slot);
    if (result == CURLE_OK && (status == 429 || status == 503 || status == 504) &&
        ++slot->tries < MAX_TRIES) {
        slot->state = SLOT_WAITS;
        slot->resend_at_s = now_s() + pause_s(slot);
        run->e->n_retries++;
        return EXIT_SUCCESS;
    }

    progress_end(&run->progress);
    if (slot->answer.too_long)
        return report(EXIT_FAILURE, "evaluate: an answer is longer than %zu bytes",
                      CLIENT_MAX_ANSWER);
    return result != CURLE_OK
               ? client_report_unreachable(run->e->client, slot->curl, result)
               : slot_refused(run, slot, status);
}

/* -- The run -- */

/* Starts and resends what can be; false when nothing is under way any more. */
static bool feed(struct run *run)
{
    bool busy = false;

    for (size_t i = 0; i < run->e->n_connections && run->code == EXIT_SUCCESS; i++) {
        struct slot *slot = &run->slots[i];

        if (slot->state == SLOT_FREE && run->next < run->e->n)
            run->code = slot_start(run, slot);
        else if (slot->state == SLOT_WAITS && now_s() >= slot->resend_at_s)
            run->code = slot_resend(run, slot);
        busy = busy || slot->state != SLOT_FREE;
    }
    return busy && run->code == EXIT_SUCCESS;
}

/* How long nothing can be done unless bytes arrive. */
static int sleep_ms(const struct run *run)
{
    int ms = MAX_WAIT_MS;

    for (size_t i = 0; i < run->e->n_connections; i++) {
        if (run->slots[i].state == SLOT_FREE && run->next < run->e->n)
            return 0;
        if (run->slots[i].state == SLOT_WAITS)
            ms = RESEND_WAIT_MS;
    }
    return ms;
}

static void collect(struct run *run)
{
    const CURLMsg *message;
    int n_left = 0;

    while ((message = curl_multi_info_read(run->multi, &n_left)) != NULL) {
        char *slot = NULL;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);

        int code = slot_finish(run, (struct slot *)slot, result);
        if (code != EXIT_SUCCESS) {
            run->code = code;
            return; /* one report is enough: the others fail alike */
        }
    }
}

static void show(struct run *run)
{
    const struct tally *tally = &run->e->tally;
    double now = now_s(), seconds = now - run->began_s;

    progress_show(&run->progress, now, tally->n, run->e->n, tally->correct,
                  seconds > 0.0 ? (double)tally->n / seconds : 0.0);
}

static void loop(struct run *run)
{
    while (feed(run) && !stop_asked) {
        int n_running = 0;

        if (curl_multi_perform(run->multi, &n_running) != CURLM_OK) {
            run->code = out_of_memory();
            return;
        }
        collect(run);
        show(run);
        if (run->code == EXIT_SUCCESS)
            (void)curl_multi_poll(run->multi, NULL, 0, sleep_ms(run), NULL);
    }
    if (stop_asked && run->code == EXIT_SUCCESS && run->e->tally.n < run->e->n) {
        run->e->interrupted = true;
        run->code = CLI_INTERRUPTED;
    }
}

static int run_init(struct run *run, struct evaluation *e)
{
    struct curl_slist *list;

    *run = (struct run) { .e = e, .multi = curl_multi_init() };
    run->headers = curl_slist_append(NULL, "Content-Type: application/json");
    list = run->headers != NULL ? curl_slist_append(run->headers, "Expect:") : NULL;
    if (run->multi == NULL || list == NULL)
        return out_of_memory();
    for (size_t i = 0; i < e->n_connections; i++) {
        int code = slot_init(run, &run->slots[i]);

        if (code != EXIT_SUCCESS)
            return code;
    }
    return EXIT_SUCCESS;
}

static void run_done(struct run *run)
{
    for (size_t i = 0; i < run->e->n_connections; i++) {
        struct slot *slot = &run->slots[i];

        if (slot->state == SLOT_SENT)
            curl_multi_remove_handle(run->multi, slot->curl);
        curl_easy_cleanup(slot->curl);
        client_body_done(&slot->answer);
        free(slot->body);
    }
    curl_slist_free_all(run->headers);
    curl_multi_cleanup(run->multi);
}

int evaluation_run(struct evaluation *e)
{
    const struct sigaction catch = { .sa_handler = ask_to_stop,
                                     .sa_flags = SA_RESETHAND };
    struct sigaction old_int, old_term;
    struct run run;

    run.code = run_init(&run, e);
    if (run.code == EXIT_SUCCESS) {
        stop_asked = 0;
        sigaction(SIGINT, &catch, &old_int);
        sigaction(SIGTERM, &catch, &old_term);
        progress_start(&run.progress, stderr);
        run.began_s = now_s();
        loop(&run);
        e->seconds = now_s() - run.began_s;
        progress_end(&run.progress);
        sigaction(SIGINT, &old_int, NULL);
        sigaction(SIGTERM, &old_term, NULL);
    }
    run_done(&run);
    return run.code;
}
