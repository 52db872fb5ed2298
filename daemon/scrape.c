/* SPDX-License-Identifier: Apache-2.0 */
/* scrape.c - GET /metrics, from the same counters as everything else. */
#include "api/prometheus.h"
#include "daemon/daemon.h"
#include "daemon/jobs.h"
#include "daemon/log.h"
#include "daemon/wall.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* One model, read once so that its families agree. */
struct model_view {
    struct prometheus_label labels[2]; /* its name and its version */
    char version[16];
    const struct network *net;
    struct record_totals totals;
    uint64_t generation;
    struct mram_state state;
    double set_point; /* write error rate that was asked for */
};

static double set_point(const struct generation *generation)
{
    const struct conditions *conditions = generation->conditions;
    size_t layer = conditions_base_layer(conditions);
    struct operating_point op = operating_points_at(&conditions->points, layer);
    const struct mtj_mean *mean = conditions->resolved[layer]->mean;

    return op.mode == MRAM_IID
               ? (op.bit_error_rate[0] + op.bit_error_rate[1]) / 2
               : (mean[MTJ_P2AP].error_rate + mean[MTJ_AP2P].error_rate) / 2;
}

static void view_model(const struct daemon *daemon, struct model *model,
                       struct model_view *view)
{
    struct generation *generation = generation_take(model);

    (void)snprintf(view->version, sizeof(view->version), "%" PRIu32, model->net->version);
    view->labels[0] = (struct prometheus_label) { "model", model->net->name };
    view->labels[1] = (struct prometheus_label) { "version", view->version };
    view->net = model->net;
    record_totals(daemon->record, model, &view->totals);
    view->generation = generation->number;
    view->state = generation->total;
    view->set_point = set_point(generation);
    generation_drop(generation);
}

/* A family with one sample per model. */
static void per_model(struct buf *body, const struct model_view *views, size_t n,
                      const char *name, const char *type, const char *help,
                      double (*value)(const struct model_view *view))
{
    prometheus_family(body, name, type, help);
    for (size_t i = 0; i < n; i++)
        prometheus_sample(body, name, views[i].labels, 2, value(&views[i]));
}

/* A family with a further label; `values` ends with NULL. */
static void per_model_by(struct buf *body, const struct model_view *views, size_t n,
                         const char *name, const char *type, const char *help,
                         const char *label, const char *const *values,
                         double (*value)(const struct model_view *view, unsigned which))
{
    prometheus_family(body, name, type, help);
    for (size_t i = 0; i < n; i++)
        for (unsigned which = 0; values[which] != NULL; which++) {
            const struct prometheus_label labels[] = { views[i].labels[0],
                                                       views[i].labels[1],
                                                       { label, values[which] } };

            prometheus_sample(body, name, labels, 3, value(&views[i], which));
        }
}

static double images(const struct model_view *v)
{
    return (double)v->totals.tally.images;
}

static double labelled(const struct model_view *v)
{
    return (double)v->totals.tally.labelled;
}

static double correct(const struct model_view *v)
{
    return (double)v->totals.tally.correct;
}

static double cells_read(const struct model_view *v)
{
    return (double)v->totals.cells_read;
}

static double cells(const struct model_view *v)
{
    return (double)v->state.cells;
}

static double generation_number(const struct model_view *v)
{
    return (double)v->generation;
}

static double error_set_point(const struct model_view *v)
{
    return v->set_point;
}

static double programmings(const struct model_view *v)
{
    return (double)v->totals.programmings;
}

/* Success comes first, the others as in enum tally_outcome. */
static double requests_by_outcome(const struct model_view *v, unsigned which)
{
    const struct tally_sum *tally = &v->totals.tally;

    return (double)(which == 0 ? tally->requests : tally->refused[which - 1]);
}

static double energy_by_kind(const struct model_view *v, unsigned which)
{
    static const enum energy_kind kinds[] = { ENERGY_READ, ENERGY_DECODE,
                                              ENERGY_COMPUTE };

    return v->totals.total_energy.pj[kinds[which]] / 1e12;
}

static double wrong_by_sign(const struct model_view *v, unsigned sign)
{
    return (double)v->state.wrong[sign];
}

static double words_by_outcome(const struct model_view *v, unsigned outcome)
{
    const struct mram_state *state = &v->state;

    return (double)(outcome == 0   ? state->corrected
                    : outcome == 1 ? state->detected
                                   : state->miscorrected);
}

static double stuck(const struct model_view *v)
{
    return (double)v->state.stuck;
}

static double wrong_by_direction(const struct model_view *v, unsigned direction)
{
    return (double)v->state.errors[direction];
}

static double errors_by_direction(const struct model_view *v, unsigned direction)
{
    return (double)v->totals.programming_errors[direction];
}

static double toggles_by_direction(const struct model_view *v, unsigned direction)
{
    return (double)v->totals.programming_toggles[direction];
}

static double programming_joules(const struct model_view *v)
{
    return energy_of_programming(&v->totals.total_energy) / 1e12;
}

static void latency_edges_s(double ret_edges[METRICS_LATENCY_EDGES])
{
    for (unsigned i = 0; i < METRICS_LATENCY_EDGES; i++)
        ret_edges[i] = metrics_latency_edges_us[i] / 1e6;
}

static void write_latency(struct buf *body, const struct model_view *views, size_t n)
{
    double edges[METRICS_LATENCY_EDGES];

    latency_edges_s(edges);
    prometheus_family(body, "spinbnn_inference_duration_seconds", "histogram",
                      "From the first byte of a classify request to its result.");
    for (size_t i = 0; i < n; i++)
        prometheus_histogram(body, "spinbnn_inference_duration_seconds", views[i].labels,
                             2, edges, views[i].totals.tally.latency,
                             METRICS_LATENCY_EDGES,
                             views[i].totals.tally.latency_sum_us / 1e6);
}

/* Of requests that were answered; those that share a pass have each the whole of it. */
static void write_phases(struct buf *body, const struct model_view *views, size_t n)
{
    static const char name[] = "spinbnn_inference_phase_seconds";
    static const struct {
        const char *name;
        enum tally_phase phase;
    } phases[] = { { "queue", TALLY_QUEUE },
                   { "decode", TALLY_READ },
                   { "compute", TALLY_COMPUTE },
                   { "encode", TALLY_WRITE } };
    double edges[METRICS_LATENCY_EDGES];

    latency_edges_s(edges);
    prometheus_family(body, name, "histogram",
                      "Where the time of answered classify requests went.");
    for (size_t i = 0; i < n; i++)
        for (size_t p = 0; p < sizeof(phases) / sizeof(phases[0]); p++) {
            const struct tally_sum *tally = &views[i].totals.tally;
            const struct prometheus_label labels[] = { views[i].labels[0],
                                                       views[i].labels[1],
                                                       { "phase", phases[p].name } };

            prometheus_histogram(body, name, labels, 3, edges,
                                 tally->phases[phases[p].phase], METRICS_LATENCY_EDGES,
                                 (double)tally->phase_ns[phases[p].phase] / 1e9);
        }
}

static void write_batches(struct buf *body, const struct model_view *views, size_t n)
{
    static const char name[] = "spinbnn_inference_batch_size";
    double edges[TALLY_BATCH_EDGES];

    for (unsigned i = 0; i < TALLY_BATCH_EDGES; i++)
        edges[i] = (double)(1u << i);
    prometheus_family(body, name, "histogram",
                      "Pictures of a pass through the network; requests that waited "
                      "together share one.");
    for (size_t i = 0; i < n; i++)
        prometheus_histogram(body, name, views[i].labels, 2, edges,
                             views[i].totals.tally.batches, TALLY_BATCH_EDGES,
                             (double)views[i].totals.tally.images);
}

/* Everything ever spent, restarts included: the same numbers as GET .../energy. */
static void write_ledger(struct buf *body, const struct model_view *v, size_t n)
{
    static const char name[] = "spinbnn_energy_joules_total";

    prometheus_family(body, name, "counter",
                      "Energy by layer and kind since the database was begun.");
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < v[i].net->n_layers; l++)
            for (unsigned k = 0; k < ENERGY_KINDS; k++) {
                const struct prometheus_label labels[] = {
                    v[i].labels[0],
                    v[i].labels[1],
                    { "layer", v[i].net->layers[l].name },
                    { "kind", energy_name((enum energy_kind)k) },
                };

                prometheus_sample(body, name, labels, 4,
                                  v[i].totals.energy[l].pj[k] / 1e12);
            }
}

static void write_models(struct buf *body, const struct model_view *v, size_t n)
{
    static const char *const outcomes[] = { "success", "invalid",   "rejected", "timeout",
                                            "error",   "cancelled", NULL };
    static const char *const kinds[] = { "read", "decode", "compute", NULL };
    static const char *const directions[] = { "p2ap", "ap2p", NULL };
    static const char *const signs[] = { "minus_to_plus", "plus_to_minus", NULL };
    static const char *const words[] = { "corrected", "detected", "miscorrected", NULL };

    per_model_by(body, v, n, "spinbnn_inference_requests_total", "counter",
                 "Classify requests by outcome; cancelled: the client left its place in "
                 "the queue.",
                 "outcome", outcomes, requests_by_outcome);
    per_model(body, v, n, "spinbnn_inferences_total", "counter", "Pictures classified.",
              images);
    write_latency(body, v, n);
    write_phases(body, v, n);
    write_batches(body, v, n);
    per_model(body, v, n, "spinbnn_labelled_inferences_total", "counter",
              "Pictures whose true label is known.", labelled);
    per_model(body, v, n, "spinbnn_correct_inferences_total", "counter",
              "Labelled pictures that were classified right.", correct);
    per_model(body, v, n, "spinbnn_mram_cells", "gauge", "Cells of the array.", cells);
    per_model(body, v, n, "spinbnn_mram_generation", "gauge",
              "Number of the contents that serve now.", generation_number);
    per_model_by(body, v, n, "spinbnn_mram_wrong_cells", "gauge",
                 "Cells that hold the wrong bit now, by the direction that failed.",
                 "direction", directions, wrong_by_direction);
    per_model_by(body, v, n, "spinbnn_mram_wrong_weights", "gauge",
                 "Weights delivered wrong now, after pairs and codes.", "direction",
                 signs, wrong_by_sign);
    per_model_by(body, v, n, "spinbnn_mram_code_words", "gauge",
                 "Codewords now by what the decoder makes of them, clean ones left out.",
                 "outcome", words, words_by_outcome);
    per_model(body, v, n, "spinbnn_mram_stuck_cells", "gauge", "Cells that are defects.",
              stuck);
    per_model(body, v, n, "spinbnn_mram_write_error_ratio", "gauge",
              "Set point: mean write error rate of both directions; flip rate in iid.",
              error_set_point);
    per_model(body, v, n, "spinbnn_mram_programmings_total", "counter",
              "Programmings of the array.", programmings);
    per_model_by(body, v, n, "spinbnn_mram_toggles_total", "counter",
                 "Cells that programming had to toggle.", "direction", directions,
                 toggles_by_direction);
    per_model_by(body, v, n, "spinbnn_mram_bit_errors_total", "counter",
                 "Cells that programming left wrong.", "direction", directions,
                 errors_by_direction);
    per_model(body, v, n, "spinbnn_mram_cell_reads_total", "counter",
              "Cells read by inferences.", cells_read);
    per_model(body, v, n, "spinbnn_mram_programming_energy_joules_total", "counter",
              "Energy of programmings (modes device and uniform).", programming_joules);
    per_model_by(body, v, n, "spinbnn_inference_energy_joules_total", "counter",
                 "Energy of inferences by kind.", "kind", kinds, energy_by_kind);
    write_ledger(body, v, n);
}

/* Known models that are not served show up, too: who watches wants to know. */
static void write_ready(void *ctx, const char *name, uint32_t version,
                        enum registry_state state, const char *reason)
{
    char number[16];
    const struct prometheus_label labels[] = { { "model", name }, { "version", number } };

    (void)reason;
    (void)snprintf(number, sizeof(number), "%" PRIu32, version);
    prometheus_sample(ctx, "spinbnn_model_ready", labels, 2, state == REGISTRY_READY);
}

static void single(struct buf *body, const char *name, const char *type, const char *help,
                   double value)
{
    prometheus_family(body, name, type, help);
    prometheus_sample(body, name, NULL, 0, value);
}

static double file_size(const char *path, const char *ending)
{
    char name[1300];
    struct stat file;

    (void)snprintf(name, sizeof(name), "%s%s", path, ending);
    return stat(name, &file) == 0 ? (double)file.st_size : 0;
}

static void write_connections(struct buf *body, const struct daemon *daemon)
{
    single(body, "spinbnn_http_connections", "gauge",
           "Open connections, but for those of admin_listen, which have no limit.",
           (double)http_server_common_connections(daemon->http));
    single(body, "spinbnn_http_connections_limit", "gauge",
           "How many of these may be open.", (double)daemon->settings.max_connections);
    single(body, "spinbnn_http_connections_accepted_total", "counter",
           "Connections that were taken.", (double)daemon->accepted);
    single(body, "spinbnn_http_connections_refused_total", "counter",
           "Connections closed at once, because as many as may be were open.",
           (double)daemon->refused);
    single(body, "spinbnn_http_accept_pauses_total", "counter",
           "Times that accepting paused for want of descriptors or memory.",
           (double)daemon->accept_pauses);
}

static void write_jobs(struct buf *body, const struct daemon *daemon)
{
    size_t n[JOB_STATES];

    jobs_count(daemon->jobs, n);
    prometheus_family(body, "spinbnn_jobs", "gauge",
                      "Experiments that are kept, by state.");
    for (int s = 0; s < JOB_STATES; s++) {
        const struct prometheus_label label = { "state",
                                                job_state_name((enum job_state)s) };

        prometheus_sample(body, "spinbnn_jobs", &label, 1, (double)n[s]);
    }
}

static void write_daemon(struct buf *body, const struct daemon *daemon)
{
    struct record_health health = record_health(daemon->record);
    struct config_health config = config_health(daemon->config);
    const struct prometheus_label labels[] = { { "version", SPINBNN_VERSION },
                                               { "kernel", daemon->kernel->name } };

    prometheus_family(body, "spinbnn_build_info", "gauge",
                      "1, with the version as label.");
    prometheus_sample(body, "spinbnn_build_info", labels, 2, 1);
    single(body, "spinbnn_config_last_reload_successful", "gauge",
           "1 unless the last reload of the configuration failed.",
           config.successful ? 1 : 0);
    single(body, "spinbnn_config_last_reload_success_timestamp_seconds", "gauge",
           "When the configuration in force was read, seconds since 1970.",
           (double)config.success_s);
    single(body, "spinbnn_draining", "gauge", "1 while the daemon is stopping.",
           daemon->draining ? 1 : 0);
    prometheus_family(
        body, "spinbnn_model_ready", "gauge",
        "1 if the model is served, 0 if it is loaded now or out of service.");
    registry_visit(daemon->registry, write_ready, body);
    write_connections(body, daemon);
    single(body, "spinbnn_queue_depth", "gauge", "Long jobs that wait or run.",
           (double)pool_load(daemon->workers));
    single(body, "spinbnn_queue_limit", "gauge", "Long jobs that may wait.",
           (double)daemon->settings.queue);
    single(body, "spinbnn_log_lines_dropped_total", "counter",
           "Lines of the log that were dropped: standard error was not read in time.",
           (double)log_dropped());
    single(body, "spinbnn_db_degraded", "gauge",
           "1 while the database cannot be written.", health.degraded ? 1 : 0);
    single(body, "spinbnn_db_write_errors_total", "counter", "Transactions that failed.",
           (double)health.write_errors);
    single(body, "spinbnn_db_files_lost_total", "counter",
           "Times that the database file was deleted, replaced or found corrupt while it "
           "was written to.",
           (double)health.files_lost);
    single(body, "spinbnn_db_rows_dropped_total", "counter",
           "Rows that no longer fitted in memory or in the file.",
           (double)health.rows_dropped);
    single(body, "spinbnn_db_commits_total", "counter", "Transactions committed.",
           (double)health.commits);
    single(body, "spinbnn_db_commit_seconds_total", "counter", "Time spent in them.",
           health.commit_seconds);
    single(body, "spinbnn_db_size_bytes", "gauge", "Size of the database file.",
           file_size(record_path(daemon->record), ""));
    single(body, "spinbnn_db_wal_size_bytes", "gauge", "Size of its write-ahead log.",
           file_size(record_path(daemon->record), "-wal"));
}

static double open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double n = 0;

    if (folder == NULL)
        return 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL;
         entry = readdir(folder))
        n += entry->d_name[0] != '.';
    (void)closedir(folder);
    return n - 1; /* the folder itself */
}

static void write_process(struct buf *body, const struct daemon *daemon)
{
    struct rusage usage;
    struct rlimit files;
    unsigned long long pages = 0, resident = 0;
    double page = (double)sysconf(_SC_PAGESIZE);
    FILE *statm = fopen("/proc/self/statm", "re");

    if (statm != NULL) {
        if (fscanf(statm, "%llu %llu", &pages, &resident) != 2)
            pages = resident = 0;
        (void)fclose(statm);
    }
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    single(body, "process_cpu_seconds_total", "counter", "User and system time.",
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    single(body, "process_resident_memory_bytes", "gauge", "Resident memory.",
           (double)resident * page);
    single(body, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
           (double)pages * page);
    single(body, "process_open_fds", "gauge", "Open file descriptors.",
           open_descriptors());
    single(body, "process_max_fds", "gauge", "Most file descriptors allowed.",
           (double)files.rlim_cur);
    single(body, "process_start_time_seconds", "gauge", "Start, seconds since 1970.",
           (double)daemon->began_s);
}

void scrape_handle(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models);
    struct model_view *views = calloc(n + 1, sizeof(*views));
    struct buf body = http_take_buf(call);

    if (views == NULL) {
        body.failed = true;
    } else {
        for (size_t i = 0; i < n; i++)
            view_model(daemon, models[i], &views[i]);
        write_daemon(&body, daemon);
        write_jobs(&body, daemon);
        write_models(&body, views, n);
        traffic_write(daemon->traffic, routes, &body);
        write_process(&body, daemon);
    }
    free(views);
    registry_drop_list(models, n);
    http_reply(call, 200, PROMETHEUS_CONTENT_TYPE, &body);
}
