/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/jobs.h"

#include "daemon/datasets.h"
#include "daemon/experiment.h"
#include "daemon/log.h"
#include "daemon/wall.h"
#include "storage/job_results.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Requests go first. */
#define JOBS_NICE 10
/* .. where it can tell: while all workers are busy, so long after each slice at most. */
#define PATIENCE_MS 100
/* Followers hear of progress no more often. */
#define TELL_NS UINT64_C(1000000000)

struct job {
    struct job_head head; /* changed under the mutex, by who has the job */
    atomic_bool stop;
    /* Ours, until it has ended. */
    struct job_request request;
    struct device device;
    struct model *model;
    /* The jobs thread's. */
    size_t n_trials;
    uint64_t told_ns;
};

struct jobs {
    struct daemon *daemon;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t wake;
    bool stopping;
    size_t n;
    struct job *list[JOBS_KEPT + 1]; /* ours, oldest first */
};

static void *jobs_run(void *jobs);

/* -- In the database -- */

static enum status begin_row(struct db *db, void *head)
{
    struct job_head *h = head;

    return job_results_begin(db, h, &h->id);
}

static enum status update_row(struct db *db, void *head)
{
    return job_results_update(db, head);
}

static enum status remove_row(struct db *db, void *head)
{
    return job_results_remove(db, ((struct job_head *)head)->id);
}

struct new_trial {
    const struct job *job;
    const struct job_trial *trial;
};

static enum status add_trial(struct db *db, void *ctx)
{
    const struct new_trial *new = ctx;
    enum status st =
        job_results_add(db, new->job->head.id, new->job->n_trials, new->trial);

    return st == ST_OK ? job_results_update(db, &new->job->head) : st;
}

static enum status interrupt_rows(struct db *db, void *ctx)
{
    (void)ctx;
    return job_results_interrupt(db, wall_seconds());
}

struct kept {
    struct job_head *heads;
    size_t n;
};

static enum status list_rows(struct db *db, void *ctx)
{
    struct kept *kept = ctx;

    return job_results_list(db, JOBS_KEPT, &kept->heads, &kept->n);
}

/* -- Starting and stopping -- */

/* What it has until it has ended. */
static void let_go(struct job *job)
{
    job_request_done(&job->request);
    device_done(&job->device);
    model_drop(job->model);
    job->model = NULL;
}

static void job_free(struct job *job)
{
    if (job == NULL)
        return;
    let_go(job);
    job_head_done(&job->head);
    free(job);
}

/* Those of earlier processes. A database that cannot be read now is no reason not to
 * serve. */
static enum status bring_back(struct jobs *jobs)
{
    struct record *record = jobs->daemon->record;
    struct kept kept = { 0 };
    char why[ERR_LEN];
    enum status st = record_with_database(record, interrupt_rows, NULL, why);

    if (st == ST_OK)
        st = record_with_database(record, list_rows, &kept, why);
    if (st != ST_OK)
        log_line(LOG_WARNING, "jobs", "earlier jobs cannot be read: %.200s", why);
    for (size_t i = 0; i < kept.n; i++) {
        struct job *job = calloc(1, sizeof(*job));

        if (job != NULL) {
            job->head = kept.heads[i];
            jobs->list[jobs->n++] = job;
        } else {
            job_head_done(&kept.heads[i]);
            st = ST_NOMEM;
        }
    }
    free(kept.heads);
    return st == ST_NOMEM ? ST_NOMEM : ST_OK;
}

enum status jobs_new(struct daemon *daemon, struct jobs **ret_jobs)
{
    struct jobs *jobs = calloc(1, sizeof(*jobs));

    if (jobs == NULL)
        return ST_NOMEM;
    jobs->daemon = daemon;
    (void)pthread_mutex_init(&jobs->mutex, NULL);
    (void)pthread_cond_init(&jobs->wake, NULL);
    if (bring_back(jobs) != ST_OK ||
        pthread_create(&jobs->thread, NULL, jobs_run, jobs) != 0) {
        jobs_free(jobs);
        return ST_NOMEM;
    }
    (void)pthread_setname_np(jobs->thread, "jobs");
    jobs->started = true;
    *ret_jobs = jobs;
    return ST_OK;
}

void jobs_stop(struct jobs *jobs)
{
    char why[ERR_LEN];

    if (jobs == NULL || !jobs->started)
        return;
    (void)pthread_mutex_lock(&jobs->mutex);
    jobs->stopping = true;
    for (size_t i = 0; i < jobs->n; i++)
        atomic_store_explicit(&jobs->list[i]->stop, true, memory_order_relaxed);
    (void)pthread_cond_signal(&jobs->wake);
    (void)pthread_mutex_unlock(&jobs->mutex);
    (void)pthread_join(jobs->thread, NULL);
    jobs->started = false;
    /* What cannot be written now is found interrupted by the next start. */
    (void)!record_with_database(jobs->daemon->record, interrupt_rows, NULL, why);
}

void jobs_free(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    for (size_t i = 0; i < jobs->n; i++)
        job_free(jobs->list[i]);
    (void)pthread_cond_destroy(&jobs->wake);
    (void)pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

/* -- Running -- */

/* Under the mutex, so that events are in the order of the states. */
static void tell(struct jobs *jobs, struct job *job)
{
    struct buf data = BUF_INIT;

    job->told_ns = wall_monotonic_ns();
    job_json_event(&data, &job->head);
    events_publish(jobs->daemon->events, "job", &data);
    buf_free(&data);
}

struct running {
    struct jobs *jobs;
    struct job *job;
};

/* Where the system does not let us step back (systemd's unit does not) this is all there
 * is of it. */
static void let_requests_go(const struct jobs *jobs)
{
    const struct timespec a_little = { 0, 1000000 };

    for (int i = 0; i < PATIENCE_MS && pool_idle(jobs->daemon->workers) == 0; i++)
        (void)nanosleep(&a_little, NULL); /* shorter is as good */
}

/* Steps done; false if it shall end. */
static bool go_on(void *ctx, size_t n)
{
    struct running *running = ctx;
    struct job *job = running->job;

    (void)pthread_mutex_lock(&running->jobs->mutex);
    job->head.done += n;
    if (wall_monotonic_ns() - job->told_ns >= TELL_NS)
        tell(running->jobs, job);
    (void)pthread_mutex_unlock(&running->jobs->mutex);
    let_requests_go(running->jobs);
    return !atomic_load_explicit(&job->stop, memory_order_relaxed);
}

static enum status keep_trial(void *ctx, const struct job_trial *trial, char why[ERR_LEN])
{
    const struct running *running = ctx;
    struct new_trial new = { running->job, trial };
    enum status st =
        record_with_database(running->jobs->daemon->record, add_trial, &new, why);

    running->job->n_trials++;
    return st;
}

static enum status open_exam(const struct jobs *jobs, const struct job *job,
                             struct exam **ret_exam, char why[ERR_LEN])
{
    const struct job_request *request = &job->request;
    struct dataset set = { .n = 0 };

    *ret_exam = NULL;
    if (request->dataset[0] == '\0')
        return ST_OK;
    enum status st =
        datasets_load(jobs->daemon, request->dataset, request->split, &set, why);
    if (st != ST_OK)
        return st;
    /* It may have changed since it was asked for. */
    struct dataset_look look = datasets_describe(request->dataset, request->split, &set);
    st = datasets_fit(&look, job->model->net, why);
    if (st == ST_OK)
        st = exam_new(job->model->net, &set, request->limit, ret_exam, why);
    dataset_done(&set);
    return st;
}

static enum status run_experiment(struct jobs *jobs, struct job *job, struct buf *summary,
                                  char why[ERR_LEN])
{
    struct running running = { jobs, job };
    struct experiment experiment = {
        .request = &job->request,
        .model = job->model,
        .device = &job->device,
        .kernel = jobs->daemon->kernel,
        .ctx = &running,
        .go_on = go_on,
        .keep = keep_trial,
    };
    enum status st = open_exam(jobs, job, &experiment.exam, why);

    if (st == ST_OK)
        st = experiment_run(&experiment, summary, why);
    exam_free(experiment.exam);
    return st;
}

/* Text of a buffer, or NULL. */
static char *take_text(struct buf *buf)
{
    if (buf->len > 0)
        buf_char(buf, '\0');
    if (!buf->failed)
        return buf->data;
    buf_free(buf);
    return NULL;
}

static enum job_state state_after(struct jobs *jobs, enum status st)
{
    if (st == ST_OK)
        return JOB_DONE;
    if (st != ST_BUSY)
        return JOB_FAILED;
    (void)pthread_mutex_lock(&jobs->mutex);
    bool stopping = jobs->stopping;
    (void)pthread_mutex_unlock(&jobs->mutex);
    return stopping ? JOB_INTERRUPTED : JOB_CANCELLED;
}

static void say_end(struct jobs *jobs, const struct job *job, const struct job_head *end,
                    uint64_t began_ns)
{
    uint32_t version = job->model->net->version;

    if (end->state == JOB_FAILED)
        record_event(jobs->daemon->record, METRICS_WARNING, "job", NULL,
                     "job %lld, %s of %s, version %" PRIu32 ", failed: %.160s",
                     (long long)end->id, job_kind_name(end->kind), end->model, version,
                     end->error);
    else
        log_line(LOG_INFO, "job",
                 "id=%lld kind=%s model=%s version=%" PRIu32
                 " state=%s trials=%zu ms=%.0f",
                 (long long)end->id, job_kind_name(end->kind), end->model, version,
                 job_state_name(end->state), job->n_trials,
                 (double)(wall_monotonic_ns() - began_ns) / 1e6);
}

/* Once others see that it has ended it may be freed; so that comes last. */
static void finish(struct jobs *jobs, struct job *job, const struct job_head *end)
{
    let_go(job);
    (void)pthread_mutex_lock(&jobs->mutex);
    job->head = *end;
    tell(jobs, job);
    (void)pthread_mutex_unlock(&jobs->mutex);
}

static void run_job(struct jobs *jobs, struct job *job)
{
    struct record *record = jobs->daemon->record;
    struct buf summary = BUF_INIT;
    char why[ERR_LEN] = "";
    uint64_t began_ns = wall_monotonic_ns();
    enum status st = record_with_database(record, update_row, &job->head, why);

    if (st == ST_OK)
        st = run_experiment(jobs, job, &summary, why);
    struct job_head end = job->head;
    end.state = state_after(jobs, st);
    end.ended_s = wall_seconds();
    end.summary = take_text(&summary);
    if (end.state == JOB_DONE)
        end.done = end.total; /* a search may need fewer steps */
    if (end.state == JOB_FAILED)
        (void)snprintf(end.error, sizeof(end.error), "%s", why);
    /* The row first: who sees that it has ended finds all of it. */
    if (record_with_database(record, update_row, &end, why) != ST_OK) {
        end.state = JOB_FAILED;
        (void)snprintf(end.error, sizeof(end.error), "%s", why);
    }
    say_end(jobs, job, &end, began_ns);
    finish(jobs, job, &end);
}

/* The oldest that waits, which runs from now on, or NULL. Under the mutex. */
static struct job *next_job(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->n; i++) {
        struct job *job = jobs->list[i];

        if (job->head.state != JOB_QUEUED)
            continue;
        job->head.state = JOB_RUNNING;
        job->head.started_s = wall_seconds();
        tell(jobs, job);
        return job;
    }
    return NULL;
}

static void *jobs_run(void *arg)
{
    struct jobs *jobs = arg;

    /* Refused in some sandboxes: then it runs as the others do. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), JOBS_NICE);
    (void)pthread_mutex_lock(&jobs->mutex);
    while (!jobs->stopping) {
        struct job *job = next_job(jobs);

        if (job == NULL) {
            (void)pthread_cond_wait(&jobs->wake, &jobs->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&jobs->mutex);
        run_job(jobs, job);
        (void)pthread_mutex_lock(&jobs->mutex);
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return NULL;
}

/* -- Asked for -- */

static struct job *job_new(struct job_request *request, struct model *model,
                           const struct device *device, size_t n_pictures)
{
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL || device_copy(device, &job->device) != ST_OK) {
        free(job);
        return NULL;
    }
    job->head = (struct job_head) {
        .kind = request->kind,
        .state = JOB_QUEUED,
        .request = request->text,
        .created_s = wall_seconds(),
        .total = experiment_steps(request, n_pictures),
    };
    (void)snprintf(job->head.model, sizeof(job->head.model), "%s", request->model);
    job->request = *request;
    job->request.text = NULL; /* the head's */
    *request = (struct job_request) { .kind = request->kind };
    model_keep(model);
    job->model = model;
    return job;
}

/* ST_OK: one more may wait. */
static enum status look_for_room(struct jobs *jobs, char why[ERR_LEN])
{
    size_t n_waiting = 0;

    (void)pthread_mutex_lock(&jobs->mutex);
    for (size_t i = 0; i < jobs->n; i++)
        n_waiting += jobs->list[i]->head.state == JOB_QUEUED;
    bool stopping = jobs->stopping;
    (void)pthread_mutex_unlock(&jobs->mutex);
    if (stopping) {
        (void)snprintf(why, ERR_LEN, "the daemon is stopping");
        return ST_IO;
    }
    if (n_waiting < JOBS_WAITING)
        return ST_OK;
    (void)snprintf(why, ERR_LEN, "%zu jobs are waiting already", n_waiting);
    return ST_BUSY;
}

/* Takes one that has ended out of the list. On the reader thread. */
static void forget(struct jobs *jobs, struct job *job)
{
    size_t i = 0;

    (void)pthread_mutex_lock(&jobs->mutex);
    while (jobs->list[i] != job)
        i++;
    jobs->n--;
    memmove(&jobs->list[i], &jobs->list[i + 1], (jobs->n - i) * sizeof(struct job *));
    (void)pthread_mutex_unlock(&jobs->mutex);
    job_free(job);
}

/* The oldest that has ended, once there are as many as are kept. */
static struct job *one_too_many(struct jobs *jobs)
{
    struct job *oldest = NULL;

    (void)pthread_mutex_lock(&jobs->mutex);
    for (size_t i = 0; jobs->n >= JOBS_KEPT && i < jobs->n && oldest == NULL; i++)
        if (job_has_ended(jobs->list[i]->head.state))
            oldest = jobs->list[i];
    (void)pthread_mutex_unlock(&jobs->mutex);
    return oldest;
}

static enum status make_room(struct jobs *jobs, char why[ERR_LEN])
{
    struct job *oldest = one_too_many(jobs);
    enum status st = ST_OK;

    if (oldest != NULL)
        st = record_with_database(jobs->daemon->record, remove_row, &oldest->head, why);
    if (oldest != NULL && st == ST_OK)
        forget(jobs, oldest);
    return st;
}

enum status jobs_submit(struct jobs *jobs, struct job_request *request,
                        struct model *model, const struct device *device,
                        size_t n_pictures, int64_t *ret_id, struct buf *body,
                        char why[ERR_LEN])
{
    struct record *record = jobs->daemon->record;
    enum status st = look_for_room(jobs, why);

    if (st == ST_OK)
        st = make_room(jobs, why);
    if (st != ST_OK)
        return st;
    struct job *job = job_new(request, model, device, n_pictures);
    if (job == NULL)
        return ST_NOMEM;
    job->head.id = jobs->n > 0 ? jobs->list[jobs->n - 1]->head.id : 0;
    st = record_with_database(record, begin_row, &job->head, why);
    if (st != ST_OK) {
        job_free(job);
        return st;
    }
    *ret_id = job->head.id;
    (void)pthread_mutex_lock(&jobs->mutex);
    jobs->list[jobs->n++] = job;
    tell(jobs, job);
    job_json_write(body, &job->head, true);
    (void)pthread_cond_signal(&jobs->wake);
    (void)pthread_mutex_unlock(&jobs->mutex);
    return ST_OK;
}

/* NULL if there is none. Under the mutex. */
static struct job *find(const struct jobs *jobs, int64_t id)
{
    for (size_t i = 0; i < jobs->n; i++)
        if (jobs->list[i]->head.id == id)
            return jobs->list[i];
    return NULL;
}

/* What its state makes of the wish that it ends; its row is not changed yet. */
static enum jobs_end begin_end(struct jobs *jobs, int64_t id, struct job **ret_job,
                               struct buf *body)
{
    enum jobs_end end = JOBS_FORGOTTEN;

    (void)pthread_mutex_lock(&jobs->mutex);
    struct job *job = *ret_job = find(jobs, id);
    if (job == NULL) {
        end = JOBS_UNKNOWN;
    } else if (job->head.state == JOB_RUNNING) {
        atomic_store_explicit(&job->stop, true, memory_order_relaxed);
        end = JOBS_STOPPING;
    } else if (job->head.state == JOB_QUEUED) {
        job->head.state = JOB_CANCELLED;
        job->head.ended_s = wall_seconds();
        tell(jobs, job);
        end = JOBS_CANCELLED;
    }
    if (end == JOBS_STOPPING || end == JOBS_CANCELLED)
        job_json_write(body, &job->head, true);
    (void)pthread_mutex_unlock(&jobs->mutex);
    return end;
}

enum jobs_end jobs_end(struct jobs *jobs, int64_t id, struct buf *body, char why[ERR_LEN])
{
    struct record *record = jobs->daemon->record;
    struct job *job;
    enum jobs_end end = begin_end(jobs, id, &job, body);

    if (end == JOBS_CANCELLED) {
        let_go(job);
        /* If it cannot be written, the next start finds it interrupted. */
        (void)!record_with_database(record, update_row, &job->head, why);
    } else if (end == JOBS_FORGOTTEN) {
        if (record_with_database(record, remove_row, &job->head, why) != ST_OK)
            return JOBS_NOT_NOW;
        forget(jobs, job);
    }
    return end;
}

/* -- Looked at -- */

bool jobs_write(struct jobs *jobs, int64_t id, struct buf *body)
{
    (void)pthread_mutex_lock(&jobs->mutex);
    const struct job *job = find(jobs, id);
    if (job != NULL)
        job_json_write(body, &job->head, true);
    (void)pthread_mutex_unlock(&jobs->mutex);
    return job != NULL;
}

void jobs_write_list(struct jobs *jobs, size_t max, struct buf *body)
{
    buf_text(body, "{\"jobs\":[");
    (void)pthread_mutex_lock(&jobs->mutex);
    for (size_t i = 0; i < jobs->n && i < max; i++) {
        if (i > 0)
            buf_char(body, ',');
        job_json_write(body, &jobs->list[jobs->n - 1 - i]->head, false);
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    buf_text(body, "]}\n");
}

enum status jobs_copy(struct jobs *jobs, int64_t id, struct job_head *ret_head)
{
    enum status st = ST_NOT_FOUND;

    (void)pthread_mutex_lock(&jobs->mutex);
    const struct job *job = find(jobs, id);
    if (job != NULL) {
        *ret_head = job->head;
        ret_head->request = NULL;
        if (job->head.summary != NULL)
            ret_head->summary = strdup(job->head.summary);
        st = job->head.summary != NULL && ret_head->summary == NULL ? ST_NOMEM : ST_OK;
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return st;
}

void jobs_count(struct jobs *jobs, size_t ret_n[JOB_STATES])
{
    memset(ret_n, 0, JOB_STATES * sizeof(ret_n[0]));
    (void)pthread_mutex_lock(&jobs->mutex);
    for (size_t i = 0; i < jobs->n; i++)
        ret_n[jobs->list[i]->head.state]++;
    (void)pthread_mutex_unlock(&jobs->mutex);
}
