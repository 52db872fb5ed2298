/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/dataset.h"

#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Two pictures of 2 x 3 and their labels. */
static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                                  0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 3 };

/* -- Bytes -- */

static enum status parse(const uint8_t *bytes, size_t len, struct dataset_idx *ret_idx)
{
    char why[ERR_LEN] = "";
    enum status st = dataset_idx_parse(bytes, len, ret_idx, why);

    assert_true(st == ST_OK || why[0] != '\0');
    return st;
}

static void sizes_and_data_are_read(void **state)
{
    (void)state;
    struct dataset_idx idx;

    assert_int_equal(parse(images, sizeof(images), &idx), ST_OK);
    assert_int_equal(idx.n_dims, 3);
    assert_int_equal(idx.dims[0], 2);
    assert_int_equal(idx.dims[1], 2);
    assert_int_equal(idx.dims[2], 3);
    assert_int_equal(idx.len, 12);
    assert_ptr_equal(idx.data, images + 16);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    struct dataset_idx idx;

    for (size_t len = 0; len < sizeof(images); len++) {
        uint8_t *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, images, len);
        assert_int_equal(parse(copy, len, &idx), ST_FORMAT);
        free(copy);
    }
}

/* Changes one byte of the header of `images`. */
static enum status parse_with(size_t at, uint8_t value)
{
    struct dataset_idx idx;
    uint8_t copy[sizeof(images)];

    memcpy(copy, images, sizeof(images));
    copy[at] = value;
    return parse(copy, sizeof(copy), &idx);
}

static void headers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_with(0, 1), ST_FORMAT);
    assert_int_equal(parse_with(1, 1), ST_FORMAT);
    assert_int_equal(parse_with(2, 0), ST_FORMAT);
    assert_int_equal(parse_with(2, 0x0d), ST_UNSUPPORTED); /* floats */
    assert_int_equal(parse_with(3, 0), ST_UNSUPPORTED);
    assert_int_equal(parse_with(3, 5), ST_UNSUPPORTED);
    assert_int_equal(parse_with(3, 2), ST_FORMAT); /* then bytes are left over */
    for (size_t at = 4; at < 16; at++)
        assert_int_equal(parse_with(at, 0xff), ST_FORMAT);
}

static void sizes_whose_product_overflows_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[20 + 12] = { 0, 0, 8, 4 };
    struct dataset_idx idx;

    memset(bytes + 4, 0xff, 16);
    assert_int_equal(parse(bytes, sizeof(bytes), &idx), ST_FORMAT);
    /* 2^16 x 2^16 x 2^16 x 2^16 = 2^64 = 0 in 64 bits */
    for (size_t d = 0; d < 4; d++)
        memcpy(bytes + 4 + 4 * d, "\0\1\0\0", 4);
    assert_int_equal(parse(bytes, 20, &idx), ST_FORMAT);
}

/* -- Folders -- */

static void plain_and_packed_files_are_found_by_any_of_their_names(void **state)
{
    (void)state;
    /* The labels, packed. */
    static const uint8_t packed[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                      0x02, 0x03, 0x63, 0x60, 0xe0, 0x60, 0x64, 0x60,
                                      0x60, 0x60, 0x62, 0x67, 0x06, 0x00, 0x64, 0x6b,
                                      0xd4, 0x43, 0x0a, 0x00, 0x00, 0x00 };
    struct scratch scratch;
    struct dataset set;
    char why[ERR_LEN];

    scratch_make(&scratch);
    assert_int_equal(dataset_load(scratch.dir, "test", &set, why), ST_NOT_FOUND);
    assert_non_null(strstr(why, "t10k-images-idx3-ubyte"));
    assert_non_null(strstr(why, "test-images-idx3-ubyte"));
    scratch_file(&scratch, "t10k-images-idx3-ubyte", images, sizeof(images));
    assert_int_equal(dataset_load(scratch.dir, "test", &set, why), ST_NOT_FOUND);
    assert_non_null(strstr(why, "t10k-labels-idx1-ubyte"));
    scratch_file(&scratch, "test-labels-idx1-ubyte", labels, sizeof(labels));
    assert_int_equal(dataset_load(scratch.dir, "test", &set, why), ST_OK);
    assert_int_equal(set.n, 2);
    assert_int_equal(set.height, 2);
    assert_int_equal(set.width, 3);
    assert_int_equal(set.channels, 1);
    assert_memory_equal(set.pixels, images + 16, 12);
    assert_true(set.labels[0] == 7 && set.labels[1] == 3);
    dataset_done(&set);
    scratch_file(&scratch, "t10k-labels-idx1-ubyte.gz", packed, sizeof(packed));
    (void)unlink(scratch_path(&scratch, "test-labels-idx1-ubyte"));
    assert_int_equal(dataset_load(scratch.dir, "test", &set, why), ST_OK);
    assert_true(set.labels[0] == 7 && set.labels[1] == 3);
    dataset_done(&set);
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_NOT_FOUND);
    assert_int_equal(dataset_load(scratch.dir, "valid", &set, why), ST_RANGE);
    scratch_remove(&scratch);
}

static void colour_is_a_fourth_size(void **state)
{
    (void)state;
    static const uint8_t colour[] = { 0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 1, 0,
                                      0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };
    struct scratch scratch;
    struct dataset set;
    char why[ERR_LEN];

    scratch_make(&scratch);
    scratch_file(&scratch, "train-images-idx3-ubyte", colour, sizeof(colour));
    scratch_file(&scratch, "train-labels-idx1-ubyte", labels, sizeof(labels));
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_OK);
    assert_int_equal(set.n, 2);
    assert_int_equal(set.channels, 3);
    dataset_done(&set);
    scratch_remove(&scratch);
}

static void images_and_labels_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const uint8_t one_label[] = { 0, 0, 8, 1, 0, 0, 0, 1, 7 };
    static const uint8_t no_images[] = { 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3 };
    static const uint8_t broken[] = { 0x1f, 0x8b, 8, 0, 1, 2, 3 };
    struct scratch scratch;
    struct dataset set;
    char why[ERR_LEN];

    scratch_make(&scratch);
    scratch_file(&scratch, "train-images-idx3-ubyte", images, sizeof(images));
    scratch_file(&scratch, "train-labels-idx1-ubyte", one_label, sizeof(one_label));
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_FORMAT);
    scratch_file(&scratch, "train-labels-idx1-ubyte", images, sizeof(images));
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_FORMAT);
    scratch_file(&scratch, "train-labels-idx1-ubyte", broken, sizeof(broken));
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_FORMAT);
    assert_non_null(strstr(why, "train-labels-idx1-ubyte: gzip"));
    scratch_file(&scratch, "train-labels-idx1-ubyte", labels, sizeof(labels));
    scratch_file(&scratch, "train-images-idx3-ubyte", labels, sizeof(labels));
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_FORMAT);
    scratch_file(&scratch, "train-images-idx3-ubyte", no_images, sizeof(no_images));
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_FORMAT);
    scratch_remove(&scratch);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    struct scratch scratch;
    struct dataset set = { .n = 0 };
    char why[ERR_LEN];
    enum status st = ST_NOMEM;

    scratch_make(&scratch);
    scratch_file(&scratch, "train-images-idx3-ubyte", images, sizeof(images));
    scratch_file(&scratch, "train-labels-idx1-ubyte", labels, sizeof(labels));
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = dataset_load(scratch.dir, "train", &set, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && set.pixels == NULL));
    }
    dataset_done(&set);
    scratch_remove(&scratch);
}

/* -- CIFAR-10 -- */

#define RECORD 3073

/* Record i: label i, pixel p of colour c is p + 7 c + i. */
static void fill_records(uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        *bytes++ = (uint8_t)i;
        for (unsigned k = 0; k < 3072; k++)
            *bytes++ = (uint8_t)(k % 1024 + 7 * (k / 1024) + i);
    }
}

static void expect_records(const struct dataset *set, size_t at, unsigned n)
{
    for (unsigned i = 0; i < n; i++, at++) {
        assert_int_equal(set->labels[at], i);
        for (unsigned k = 0; k < 3072; k++)
            assert_int_equal(set->pixels[at * 3072 + k],
                             (uint8_t)(k / 3 + 7 * (k % 3) + i));
    }
}

static void cifar_planes_become_pixels(void **state)
{
    static uint8_t bytes[3 * RECORD];
    struct dataset set = { .n = 0 };
    char why[ERR_LEN];

    (void)state;
    fill_records(bytes, 3);
    assert_int_equal(dataset_cifar_parse(bytes, 3 * RECORD, &set, why), ST_OK);
    assert_int_equal(dataset_cifar_parse(bytes, 2 * RECORD, &set, why), ST_OK);
    assert_int_equal(set.n, 5);
    assert_true(set.height == 32 && set.width == 32 && set.channels == 3);
    expect_records(&set, 0, 3);
    expect_records(&set, 3, 2);
    assert_int_equal(dataset_cifar_parse(bytes, RECORD - 1, &set, why), ST_FORMAT);
    assert_non_null(strstr(why, "3073"));
    assert_int_equal(dataset_cifar_parse(bytes, 0, &set, why), ST_FORMAT);
    assert_int_equal(set.n, 5);
    dataset_done(&set);
}

static void cifar_batches_of_a_folder_are_one_set(void **state)
{
    static uint8_t bytes[5 * RECORD];
    static const char names[] = "airplane\nautomobile\r\n\nbird\n";
    struct scratch scratch;
    struct dataset set;
    char why[ERR_LEN];

    (void)state;
    fill_records(bytes, 5);
    scratch_make(&scratch);
    scratch_file(&scratch, "test_batch.bin.xz", bytes, 10);
    assert_int_equal(dataset_load(scratch.dir, "test", &set, why), ST_NOT_FOUND);
    assert_non_null(strstr(why, "xz -dk"));
    scratch_file(&scratch, "test_batch.bin", bytes, 2 * RECORD);
    assert_int_equal(dataset_load(scratch.dir, "test", &set, why), ST_OK);
    assert_int_equal(set.n, 2);
    assert_int_equal(set.n_names, 0);
    dataset_done(&set);

    for (unsigned i = 1; i <= 5; i++) {
        char name[32];

        snprintf(name, sizeof(name), "data_batch_%u.bin", i);
        scratch_file(&scratch, name, bytes, i * RECORD);
    }
    scratch_file(&scratch, "batches.meta.txt", names, sizeof(names) - 1);
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_OK);
    assert_int_equal(set.n, 15);
    expect_records(&set, 10, 5);
    assert_int_equal(set.n_names, 3);
    assert_string_equal(set.names[1], "automobile");
    assert_string_equal(set.names[2], "bird");
    dataset_done(&set);

    scratch_file(&scratch, "data_batch_4.bin", bytes, RECORD + 1);
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_FORMAT);
    assert_non_null(strstr(why, "data_batch_4.bin: expected records"));
    (void)unlink(scratch_path(&scratch, "data_batch_4.bin"));
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_NOT_FOUND);
    assert_non_null(strstr(why, "data_batch_4.bin"));
    scratch_remove(&scratch);
}

/* -- A list of files -- */

static enum status parse_csv(const char *text, struct dataset_row **ret_rows,
                             size_t *ret_n, char **ret_text, char why[ERR_LEN])
{
    size_t len = strlen(text);

    *ret_text = malloc(len + 1);
    assert_non_null(*ret_text);
    memcpy(*ret_text, text, len + 1);
    return dataset_csv_parse(*ret_text, len, ret_rows, ret_n, why);
}

static void rows_of_a_list_are_read(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "class,name,file\r\n"
                               "3,\"tench, the \"\"fish\"\"\nwet\",a/b c.jpg\r\n"
                               "\n"
                               "0,,\"d,e.png\"\n"
                               "65535,x,..f";
    struct dataset_row *rows;
    char *copy, why[ERR_LEN];
    size_t n;

    (void)state;
    assert_int_equal(parse_csv(text, &rows, &n, &copy, why), ST_OK);
    assert_int_equal(n, 3);
    assert_string_equal(rows[0].file, "a/b c.jpg");
    assert_int_equal(rows[0].label, 3);
    assert_int_equal(rows[0].line, 2);
    assert_string_equal(rows[1].file, "d,e.png");
    assert_int_equal(rows[1].line, 5);
    assert_string_equal(rows[2].file, "..f");
    assert_int_equal(rows[2].label, 65535);
    free(rows);
    free(copy);
}

static void lists_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } lists[] = {
        { "", "line 1: expected a header" },
        { "0001.jpg,3\n", "line 1: expected a header" },
        { "file,name\na,b\n", "line 1: expected a header" },
        { "file,label\n", "no pictures" },
        { "file,label\na,1\nb\n", "line 3: 1 columns, the header has 2" },
        { "file,label\na,1,2\n", "line 2: 3 columns" },
        { "file,label\na,\n", "line 2: expected a class's number" },
        { "file,label\na,-1\n", "line 2: expected a class's number" },
        { "file,label\na,65536\n", "line 2: expected a class's number" },
        { "file,label\na,cat\n", "line 2: expected a class's number" },
        { "file,label\n,1\n", "line 2: expected a file in" },
        { "file,label\n/etc/passwd,1\n", "line 2: expected a file in" },
        { "file,label\na/../../b,1\n", "line 2: expected a file in" },
        { "file,label\n..,1\n", "line 2: expected a file in" },
        { "file,label\n\"a,1\n", "line 2: a quote" },
        { "file,label\n\"a\"b,1\n", "line 2: a quote" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct dataset_row *rows;
        char *copy, why[ERR_LEN] = "";
        size_t n;

        assert_int_equal(parse_csv(lists[i].text, &rows, &n, &copy, why), ST_FORMAT);
        if (strstr(why, lists[i].why) == NULL)
            fail_msg("%s: \"%s\"", lists[i].text, why);
        free(copy);
    }
}

static void a_list_and_its_files_are_a_set(void **state)
{
    static const char list[] = "file,label\na.jpg,5\nb.png,0\n";
    struct scratch scratch;
    struct dataset set = { .n = 0 };
    char why[ERR_LEN];
    enum status st = ST_NOMEM;

    (void)state;
    scratch_make(&scratch);
    scratch_file(&scratch, "labels.csv", list, sizeof(list) - 1);
    scratch_file(&scratch, "a.jpg", "1234", 4);
    assert_int_equal(dataset_load(scratch.dir, "test", &set, why), ST_IO);
    assert_non_null(strstr(why, "labels.csv: line 3: b.png: no such file"));
    scratch_file(&scratch, "b.png", "12", 2);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = dataset_load(scratch.dir, "test", &set, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && set.files == NULL));
    }
    assert_int_equal(set.n, 2);
    assert_null(set.pixels);
    assert_true(set.labels[0] == 5 && set.labels[1] == 0);
    assert_true(set.files[0].len == 4 && set.files[1].len == 2);
    assert_string_equal(set.files[1].path, scratch_path(&scratch, "b.png"));
    dataset_done(&set);
    /* It says nothing of a training split. */
    assert_int_equal(dataset_load(scratch.dir, "train", &set, why), ST_NOT_FOUND);
    assert_non_null(strstr(why, "train.csv"));
    scratch_remove(&scratch);
}

/* -- The real sets -- */

static void assert_balanced_test_set(const char *dir)
{
    struct dataset set;
    char why[ERR_LEN];
    unsigned n_of_class[10] = { 0 };

    if (access(dir, R_OK) != 0) {
        print_message("%s is not here\n", dir);
        skip();
    }
    enum status st = dataset_load(dir, "test", &set, why);
    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    assert_int_equal(set.n, 10000);
    assert_int_equal(set.height, 28);
    assert_int_equal(set.width, 28);
    assert_int_equal(set.channels, 1);
    for (size_t i = 0; i < set.n; i++) {
        assert_in_range(set.labels[i], 0, 9);
        n_of_class[set.labels[i]]++;
    }
    for (unsigned c = 0; c < 10; c++)
        assert_in_range(n_of_class[c], 850, 1150);
    dataset_done(&set);
}

static void mnist_has_ten_thousand_test_images(void **state)
{
    (void)state;
    assert_balanced_test_set(TEST_SHARED_DIR "/data/mnist");
}

static void fashion_mnist_has_ten_thousand_test_images(void **state)
{
    (void)state;
    assert_balanced_test_set("/usr/share/datasets/fashion-mnist");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_data_are_read),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(headers_that_cannot_be_are_refused),
        cmocka_unit_test(sizes_whose_product_overflows_are_refused),
        cmocka_unit_test(plain_and_packed_files_are_found_by_any_of_their_names),
        cmocka_unit_test(colour_is_a_fourth_size),
        cmocka_unit_test(images_and_labels_that_do_not_fit_are_refused),
        cmocka_unit_test(without_memory_nothing_leaks),
        cmocka_unit_test(cifar_planes_become_pixels),
        cmocka_unit_test(cifar_batches_of_a_folder_are_one_set),
        cmocka_unit_test(rows_of_a_list_are_read),
        cmocka_unit_test(lists_that_cannot_be_are_refused),
        cmocka_unit_test(a_list_and_its_files_are_a_set),
        cmocka_unit_test(mnist_has_ten_thousand_test_images),
        cmocka_unit_test(fashion_mnist_has_ten_thousand_test_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
