/* SPDX-License-Identifier: Apache-2.0 */
/* bench_net.c - whole networks on one core, told what to do line by line by bench_net.py.
 *
 *   kernels                        names of the usable ones, the best one first
 *   macs NET                       bit pairs of a picture, those inside the maps
 *   product KERNEL MS              pairs/us of the kernel's matrix product (4608 inputs,
 *                                  512 outputs, batch 128)
 *   time KERNEL NET BATCH MS       us a picture: "CPU WALL", for at least MS ms
 *   logits KERNEL NET N            of the first N pictures
 *   stages KERNEL NET PASSES       "WHAT<tab>us;" for each stage, batch 1, medians
 *
 * Each answer is one line. Arguments: the folder that holds NET.sbnn and NET.pictures
 * (row, column, channel; one byte each).
 */
#include "core/bits.h"
#include "core/infer.h"
#include "core/infer_stage.h"
#include "storage/model_file.h"
#include "tests/bench/cycles.h"
#include "tests/bench/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GEMM_IN  4608
#define GEMM_OUT 512
#define GEMM_X   128

#define MAX_BATCH  64
#define MAX_NETS   8
#define MAX_PASSES 99
#define NAME_LEN   64
#define PATH_LEN   1024

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_net: %s: %s\n", what, why);
    exit(1);
}

static void *must_alloc(size_t n, size_t size)
{
    void *p = aligned_alloc(64, (n * size + 127) / 64 * 64);

    if (p == NULL)
        fail("memory", "none");
    memset(p, 0, n * size);
    return p;
}

/* -- Networks, each loaded when it is first asked for and then kept -- */

struct loaded {
    char name[NAME_LEN];
    struct network *net;
    uint8_t *pixels; /* MAX_BATCH pictures */
    float *logits;
    struct infer_scratch *scratch;
    const struct kernel *kernel; /* of the weights */
    struct infer_weights *weights;
};

static const char *folder;
static struct loaded nets[MAX_NETS];
static size_t n_nets;

static uint8_t *load_pixels(const char *name, size_t size)
{
    uint8_t *pixels = must_alloc(MAX_BATCH, size);
    char path[PATH_LEN];

    snprintf(path, sizeof(path), "%s/%s.pictures", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL || fread(pixels, size, MAX_BATCH, f) != MAX_BATCH)
        fail(path, "too few pictures");
    fclose(f);
    return pixels;
}

static struct loaded *load(const char *name)
{
    struct loaded *l = &nets[n_nets];
    char path[PATH_LEN], why[ERR_LEN] = "";

    if (n_nets == MAX_NETS)
        fail(name, "too many networks");
    snprintf(l->name, sizeof(l->name), "%s", name);
    snprintf(path, sizeof(path), "%s/%s.sbnn", folder, name);
    if (model_file_load(path, &l->net, why) != ST_OK)
        fail(path, why);
    l->pixels = load_pixels(name, network_inputs(l->net));
    l->logits = must_alloc(MAX_BATCH * l->net->n_classes, sizeof(*l->logits));
    if (infer_scratch_new(l->net, MAX_BATCH, &l->scratch) != ST_OK)
        fail(name, "no memory");
    n_nets++;
    return l;
}

static struct loaded *find(const char *name, const struct kernel *kernel)
{
    const uint64_t *bits[NETWORK_MAX_LAYERS];
    struct loaded *l = nets;

    while (l < nets + n_nets && strcmp(l->name, name) != 0)
        l++;
    if (l == nets + n_nets)
        l = load(name);
    if (l->kernel == kernel)
        return l;
    infer_weights_free(l->weights);
    for (size_t i = 0; i < l->net->n_layers; i++)
        bits[i] = l->net->layers[i].weights;
    if (infer_weights_new(l->net, kernel, bits, &l->weights) != ST_OK)
        fail(name, "no memory");
    l->kernel = kernel;
    return l;
}

static void unload(void)
{
    for (size_t i = 0; i < n_nets; i++) {
        infer_weights_free(nets[i].weights);
        infer_scratch_free(nets[i].scratch);
        network_free(nets[i].net);
        free(nets[i].pixels);
        free(nets[i].logits);
    }
}

static const struct kernel *kernel_of(const char *name)
{
    const struct kernel *kernel = kernel_find(name);

    if (kernel == NULL)
        fail(name, "no usable kernel");
    return kernel;
}

/* -- Stages: the linker puts these in the place of the families' run functions -- */

static struct {
    bool on;
    double began;
    size_t stage;
    double us[NETWORK_MAX_STAGES]; /* of one pass */
} profile;

static void stage_begin(void)
{
    if (profile.on)
        profile.began = cpu_ns();
}

static void stage_end(void)
{
    if (profile.on)
        profile.us[profile.stage++] = (cpu_ns() - profile.began) / 1e3;
}

#define WRAP(function, parameters, ...)                                                  \
    void __real_##function parameters;                                                   \
    void __wrap_##function parameters;                                                   \
    void __wrap_##function parameters                                                    \
    {                                                                                    \
        stage_begin();                                                                   \
        __real_##function(__VA_ARGS__);                                                  \
        stage_end();                                                                     \
    }

WRAP(infer_binary_run,
     (const struct infer_binary *binary, const struct kernel *kernel,
      const struct infer_map *in, size_t n, void *work, struct infer_map *out),
     binary, kernel, in, n, work, out)
WRAP(infer_window_run,
     (const struct infer_window *window, const struct kernel *kernel,
      const struct infer_map *in, size_t n, void *work, struct infer_map *out),
     window, kernel, in, n, work, out)
WRAP(infer_real_run,
     (const struct infer_real *real, const struct kernel *kernel,
      const struct infer_map *in, size_t n, void *work, struct infer_map *out),
     real, kernel, in, n, work, out)
WRAP(infer_pool_run,
     (const struct network_stage *stage, const struct infer_map *in, size_t n,
      struct infer_map *out),
     stage, in, n, out)
WRAP(infer_elements_run,
     (const struct network_stage *stage, const struct infer_map *in,
      const struct infer_map *other, size_t n, struct infer_map *out),
     stage, in, other, n, out)

static void print_stage(const struct network *net, const struct network_stage *stage,
                        double us)
{
    static const char *const names[NETWORK_OPS] = {
        "binary", "real", "pool", "max",      "mean", "affine",
        "slope",  "clip", "sign", "to reals", "add",  "concat",
    };
    struct network_value in = network_value(net, stage->in[0]);

    printf("%s", names[stage->op]);
    if (stage->window.kernel_h != 0)
        printf(" %ux%u", stage->window.kernel_h, stage->window.kernel_w);
    if (stage->window.stride_h > 1)
        printf(" /%u", stage->window.stride_h);
    printf(", %ux%ux%u", in.height, in.width, in.channels);
    if (stage->out.channels != in.channels)
        printf(" to %u", stage->out.channels);
    printf("\t%.3f;", us);
}

static void do_stages(const struct loaded *l, size_t n_passes)
{
    static double us[NETWORK_MAX_STAGES][MAX_PASSES];

    if (n_passes < 1 || n_passes > MAX_PASSES)
        fail("stages", "1 to 99 passes");
    for (size_t pass = 0; pass < n_passes; pass++) {
        profile.stage = 0;
        profile.on = true;
        infer_run(l->weights, l->scratch, l->pixels, 1, l->logits);
        profile.on = false;
        for (size_t i = 0; i < l->net->n_stages; i++)
            us[i][pass] = profile.us[i];
    }
    for (size_t i = 0; i < l->net->n_stages; i++)
        print_stage(l->net, &l->net->stages[i], cycles_median(us[i], n_passes));
}

/* -- The other commands -- */

static void do_kernels(void)
{
    printf("%s", kernel_best()->name);
    for (const struct kernel *k = kernel_list; k->name != NULL; k++) {
        if (k->usable() && k != kernel_best())
            printf(" %s", k->name);
    }
}

static void do_macs(const struct network *net)
{
    double macs = 0.0;

    for (size_t i = 0; i < net->n_stages; i++) {
        const struct network_stage *stage = &net->stages[i];
        struct network_value in = network_value(net, stage->in[0]);

        if (stage->op == NETWORK_OP_BINARY)
            macs += macs_inside(&(struct kernel_shape) { in.height, in.width, in.channels,
                                                         stage->out.channels,
                                                         stage->groups, stage->window });
    }
    printf("%.0f", macs);
}

static uint64_t *random_rows(size_t n_rows, size_t n_bits)
{
    size_t n_words = bits_words(n_bits);
    uint64_t *rows = must_alloc(n_rows * n_words, sizeof(*rows));

    for (size_t i = 0; i < n_rows * n_words; i++) {
        uint64_t word = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ random();
        rows[i] = word & bits_mask(n_bits, i % n_words);
    }
    return rows;
}

static void do_product(const struct kernel *kernel, double ms)
{
    uint64_t *rows = random_rows(GEMM_OUT, GEMM_IN), *x = random_rows(GEMM_X, GEMM_IN);
    int32_t *m = must_alloc(GEMM_X * GEMM_OUT, sizeof(*m));
    struct kernel_matrix w;
    size_t n = 0;

    if (kernel_matrix_init(&w, rows, GEMM_OUT, GEMM_IN) != ST_OK)
        fail("product", "no memory");
    double began = cpu_ns(), ns;
    do {
        kernel->counts(&w, x, GEMM_X, w.n_words, m);
        n++;
        ns = cpu_ns() - began;
    } while (ns < ms * 1e6);
    printf("%.1f", (double)n * GEMM_X * GEMM_OUT * GEMM_IN / ns * 1e3);
    kernel_matrix_done(&w);
    free(rows);
    free(x);
    free(m);
}

static double wall_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void do_time(const struct loaded *l, size_t batch, double ms)
{
    double cpu = cpu_ns(), began = wall_ns(), wall;
    size_t n = 0;

    do {
        infer_run(l->weights, l->scratch, l->pixels, batch, l->logits);
        n += batch;
        wall = wall_ns() - began;
    } while (wall < ms * 1e6);
    printf("%.4f %.4f", (cpu_ns() - cpu) / 1e3 / (double)n, wall / 1e3 / (double)n);
}

static void do_logits(const struct loaded *l, size_t n)
{
    infer_run(l->weights, l->scratch, l->pixels, n, l->logits);
    for (size_t i = 0; i < n * l->net->n_classes; i++)
        printf(i == 0 ? "%.9g" : " %.9g", (double)l->logits[i]);
}

static size_t batch_of(unsigned long n)
{
    if (n < 1 || n > MAX_BATCH)
        fail("batch", "1 to 64");
    return n;
}

static void obey(const char *line)
{
    char kernel[NAME_LEN], name[NAME_LEN];
    unsigned long n;
    double ms;

    if (strcmp(line, "kernels") == 0)
        do_kernels();
    else if (sscanf(line, "macs %63s", name) == 1)
        do_macs(find(name, kernel_best())->net);
    else if (sscanf(line, "product %63s %lf", kernel, &ms) == 2)
        do_product(kernel_of(kernel), ms);
    else if (sscanf(line, "time %63s %63s %lu %lf", kernel, name, &n, &ms) == 4)
        do_time(find(name, kernel_of(kernel)), batch_of(n), ms);
    else if (sscanf(line, "logits %63s %63s %lu", kernel, name, &n) == 3)
        do_logits(find(name, kernel_of(kernel)), batch_of(n));
    else if (sscanf(line, "stages %63s %63s %lu", kernel, name, &n) == 3)
        do_stages(find(name, kernel_of(kernel)), n);
    else
        fail(line, "unknown");
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[256];

    if (argc != 2) {
        fprintf(stderr, "usage: bench_net FOLDER <COMMANDS\n");
        return 2;
    }
    folder = argv[1];
    srandom(1);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
    }
    unload();
    return 0;
}
