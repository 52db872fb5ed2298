-- The tables and views of schema version 1, and one model with two programmings.
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN;
CREATE TABLE meta ( key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE model ( id INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum INTEGER NOT NULL,
    description TEXT NOT NULL, cells INTEGER NOT NULL, classes INTEGER NOT NULL, test_correct
    INTEGER NOT NULL, test_total INTEGER NOT NULL, created_ts INTEGER NOT NULL, UNIQUE (name,
    checksum)) STRICT;
CREATE TABLE operating_point ( id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, model_id INTEGER NOT
    NULL REFERENCES model (id), generation INTEGER NOT NULL, mode TEXT NOT NULL, program_over
    TEXT, seed INTEGER NOT NULL, temperature_k REAL, pulse_ns REAL, write_voltage_p2ap_v REAL,
    write_voltage_ap2p_v REAL, target_write_error_rate REAL, bit_error_rate REAL,
    predicted_write_error_rate REAL, predicted_wrong_bits REAL, predicted_energy_pj REAL, cells
    INTEGER NOT NULL, wrong_bits INTEGER NOT NULL, errors_p2ap INTEGER NOT NULL, errors_ap2p
    INTEGER NOT NULL, toggles_p2ap INTEGER NOT NULL, toggles_ap2p INTEGER NOT NULL, energy_pj
    REAL, duration_ms REAL NOT NULL) STRICT;
CREATE INDEX operating_point_by_time ON operating_point (ts);
CREATE INDEX operating_point_by_model ON operating_point (model_id, ts);
CREATE TABLE operating_point_layer ( operating_point_id INTEGER NOT NULL REFERENCES
    operating_point (id) ON DELETE CASCADE, layer INTEGER NOT NULL, name TEXT NOT NULL, cells
    INTEGER NOT NULL, wrong_bits INTEGER NOT NULL, errors_p2ap INTEGER NOT NULL, errors_ap2p
    INTEGER NOT NULL, toggles_p2ap INTEGER NOT NULL, toggles_ap2p INTEGER NOT NULL, energy_pj
    REAL, PRIMARY KEY (operating_point_id, layer)) STRICT, WITHOUT ROWID;
CREATE TABLE event ( id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, severity INTEGER NOT NULL
    CHECK (severity BETWEEN 0 AND 2), kind TEXT NOT NULL, model_id INTEGER REFERENCES model
    (id), message TEXT NOT NULL) STRICT;
CREATE INDEX event_by_time ON event (ts);
CREATE TABLE w10 ( ts INTEGER NOT NULL, model_id INTEGER NOT NULL REFERENCES model (id),
    generation INTEGER NOT NULL, requests INTEGER NOT NULL, images INTEGER NOT NULL, labelled
    INTEGER NOT NULL, correct INTEGER NOT NULL, errors INTEGER NOT NULL, bits_read INTEGER NOT
    NULL, read_pj REAL NOT NULL, compute_pj REAL NOT NULL, write_pj REAL NOT NULL,
    latency_sum_us REAL NOT NULL, latency_max_us REAL NOT NULL, le_10 INTEGER NOT NULL, le_25
    INTEGER NOT NULL, le_50 INTEGER NOT NULL, le_100 INTEGER NOT NULL, le_250 INTEGER NOT NULL,
    le_500 INTEGER NOT NULL, le_1000 INTEGER NOT NULL, le_2500 INTEGER NOT NULL, le_5000 INTEGER
    NOT NULL, le_10000 INTEGER NOT NULL, le_25000 INTEGER NOT NULL, le_50000 INTEGER NOT NULL,
    le_100000 INTEGER NOT NULL, le_250000 INTEGER NOT NULL, le_1000000 INTEGER NOT NULL, le_inf
    INTEGER NOT NULL, PRIMARY KEY (ts, model_id, generation)) STRICT, WITHOUT ROWID;
CREATE VIEW v_accuracy (ts, model, accuracy, labelled, correct) AS SELECT w.ts, m.name,
    sum(w.correct) * 1.0 / sum(w.labelled), sum(w.labelled), sum(w.correct) FROM w10 AS w JOIN
    model AS m ON m.id = w.model_id WHERE w.labelled > 0 GROUP BY w.ts, m.name;
CREATE VIEW v_error_rate (ts, model, kind, bit_error_rate, wrong_bits, cells) AS SELECT o.ts,
    m.name, 'stored', o.wrong_bits * 1.0 / o.cells, o.wrong_bits, o.cells FROM operating_point
    AS o JOIN model AS m ON m.id = o.model_id WHERE o.cells > 0 UNION ALL SELECT o.ts, m.name,
    'p2ap', o.errors_p2ap * 1.0 / o.toggles_p2ap, o.errors_p2ap, o.toggles_p2ap FROM
    operating_point AS o JOIN model AS m ON m.id = o.model_id WHERE o.toggles_p2ap > 0 AND
    o.mode <> 'iid' UNION ALL SELECT o.ts, m.name, 'ap2p', o.errors_ap2p * 1.0 / o.toggles_ap2p,
    o.errors_ap2p, o.toggles_ap2p FROM operating_point AS o JOIN model AS m ON m.id = o.model_id
    WHERE o.toggles_ap2p > 0 AND o.mode <> 'iid';
CREATE VIEW v_energy (ts, model, read_j, compute_j, write_j, pj_per_image) AS SELECT w.ts,
    m.name, sum(w.read_pj) * 1e-12, sum(w.compute_pj) * 1e-12, sum(w.write_pj) * 1e-12, CASE
    WHEN sum(w.images) > 0 THEN (sum(w.read_pj) + sum(w.compute_pj)) / sum(w.images) END FROM
    w10 AS w JOIN model AS m ON m.id = w.model_id GROUP BY w.ts, m.name;
CREATE VIEW v_operating_point (ts, until_ts, model, generation, mode, program_over, seed,
    temperature_k, pulse_ns, write_voltage_p2ap_v, write_voltage_ap2p_v,
    target_write_error_rate, bit_error_rate, predicted_write_error_rate, predicted_wrong_bits,
    predicted_energy_pj, cells, wrong_bits, stored_bit_error_rate, errors_p2ap, errors_ap2p,
    toggles, energy_pj, duration_ms, images, labelled, accuracy) AS SELECT o.ts, lead(o.ts) OVER
    (PARTITION BY m.name ORDER BY o.ts, o.id), m.name, o.generation, o.mode, o.program_over,
    o.seed, o.temperature_k, o.pulse_ns, o.write_voltage_p2ap_v, o.write_voltage_ap2p_v,
    o.target_write_error_rate, o.bit_error_rate, o.predicted_write_error_rate,
    o.predicted_wrong_bits, o.predicted_energy_pj, o.cells, o.wrong_bits, CASE WHEN o.cells > 0
    THEN o.wrong_bits * 1.0 / o.cells END, o.errors_p2ap, o.errors_ap2p, o.toggles_p2ap +
    o.toggles_ap2p, o.energy_pj, o.duration_ms, coalesce(w.images, 0), coalesce(w.labelled, 0),
    CASE WHEN w.labelled > 0 THEN w.correct * 1.0 / w.labelled END FROM operating_point AS o
    JOIN model AS m ON m.id = o.model_id LEFT JOIN (SELECT model_id, generation, sum(images) AS
    images, sum(labelled) AS labelled, sum(correct) AS correct FROM w10 GROUP BY model_id,
    generation) AS w ON w.model_id = o.model_id AND w.generation = o.generation;
CREATE VIEW v_events (ts, severity, kind, model, message) AS SELECT e.ts, CASE e.severity WHEN 0
    THEN 'info' WHEN 1 THEN 'warning' ELSE 'error' END, e.kind, m.name, e.message FROM event AS
    e LEFT JOIN model AS m ON m.id = e.model_id;
CREATE VIEW v_latency (ts, model, p50_us, p95_us, p99_us, mean_us, max_us) AS SELECT ts, model,
    CASE WHEN le_10 >= 0.5 * le_inf THEN 0.0 + (max(0.0, min(10.0, max_us)) - 0.0) * (0.5 *
    le_inf - 0) / (le_10 - 0) WHEN le_25 >= 0.5 * le_inf THEN 10.0 + (max(10.0, min(25.0,
    max_us)) - 10.0) * (0.5 * le_inf - le_10) / (le_25 - le_10) WHEN le_50 >= 0.5 * le_inf THEN
    25.0 + (max(25.0, min(50.0, max_us)) - 25.0) * (0.5 * le_inf - le_25) / (le_50 - le_25) WHEN
    le_100 >= 0.5 * le_inf THEN 50.0 + (max(50.0, min(100.0, max_us)) - 50.0) * (0.5 * le_inf -
    le_50) / (le_100 - le_50) WHEN le_250 >= 0.5 * le_inf THEN 100.0 + (max(100.0, min(250.0,
    max_us)) - 100.0) * (0.5 * le_inf - le_100) / (le_250 - le_100) WHEN le_500 >= 0.5 * le_inf
    THEN 250.0 + (max(250.0, min(500.0, max_us)) - 250.0) * (0.5 * le_inf - le_250) / (le_500 -
    le_250) WHEN le_1000 >= 0.5 * le_inf THEN 500.0 + (max(500.0, min(1000.0, max_us)) - 500.0)
    * (0.5 * le_inf - le_500) / (le_1000 - le_500) WHEN le_2500 >= 0.5 * le_inf THEN 1000.0 +
    (max(1000.0, min(2500.0, max_us)) - 1000.0) * (0.5 * le_inf - le_1000) / (le_2500 - le_1000)
    WHEN le_5000 >= 0.5 * le_inf THEN 2500.0 + (max(2500.0, min(5000.0, max_us)) - 2500.0) *
    (0.5 * le_inf - le_2500) / (le_5000 - le_2500) WHEN le_10000 >= 0.5 * le_inf THEN 5000.0 +
    (max(5000.0, min(10000.0, max_us)) - 5000.0) * (0.5 * le_inf - le_5000) / (le_10000 -
    le_5000) WHEN le_25000 >= 0.5 * le_inf THEN 10000.0 + (max(10000.0, min(25000.0, max_us)) -
    10000.0) * (0.5 * le_inf - le_10000) / (le_25000 - le_10000) WHEN le_50000 >= 0.5 * le_inf
    THEN 25000.0 + (max(25000.0, min(50000.0, max_us)) - 25000.0) * (0.5 * le_inf - le_25000) /
    (le_50000 - le_25000) WHEN le_100000 >= 0.5 * le_inf THEN 50000.0 + (max(50000.0,
    min(100000.0, max_us)) - 50000.0) * (0.5 * le_inf - le_50000) / (le_100000 - le_50000) WHEN
    le_250000 >= 0.5 * le_inf THEN 100000.0 + (max(100000.0, min(250000.0, max_us)) - 100000.0)
    * (0.5 * le_inf - le_100000) / (le_250000 - le_100000) WHEN le_1000000 >= 0.5 * le_inf THEN
    250000.0 + (max(250000.0, min(1000000.0, max_us)) - 250000.0) * (0.5 * le_inf - le_250000) /
    (le_1000000 - le_250000) WHEN le_inf >= 0.5 * le_inf THEN 1000000.0 + (max(1000000.0,
    max_us) - 1000000.0) * (0.5 * le_inf - le_1000000) / (le_inf - le_1000000) END, CASE WHEN
    le_10 >= 0.95 * le_inf THEN 0.0 + (max(0.0, min(10.0, max_us)) - 0.0) * (0.95 * le_inf - 0)
    / (le_10 - 0) WHEN le_25 >= 0.95 * le_inf THEN 10.0 + (max(10.0, min(25.0, max_us)) - 10.0)
    * (0.95 * le_inf - le_10) / (le_25 - le_10) WHEN le_50 >= 0.95 * le_inf THEN 25.0 +
    (max(25.0, min(50.0, max_us)) - 25.0) * (0.95 * le_inf - le_25) / (le_50 - le_25) WHEN
    le_100 >= 0.95 * le_inf THEN 50.0 + (max(50.0, min(100.0, max_us)) - 50.0) * (0.95 * le_inf
    - le_50) / (le_100 - le_50) WHEN le_250 >= 0.95 * le_inf THEN 100.0 + (max(100.0, min(250.0,
    max_us)) - 100.0) * (0.95 * le_inf - le_100) / (le_250 - le_100) WHEN le_500 >= 0.95 *
    le_inf THEN 250.0 + (max(250.0, min(500.0, max_us)) - 250.0) * (0.95 * le_inf - le_250) /
    (le_500 - le_250) WHEN le_1000 >= 0.95 * le_inf THEN 500.0 + (max(500.0, min(1000.0,
    max_us)) - 500.0) * (0.95 * le_inf - le_500) / (le_1000 - le_500) WHEN le_2500 >= 0.95 *
    le_inf THEN 1000.0 + (max(1000.0, min(2500.0, max_us)) - 1000.0) * (0.95 * le_inf - le_1000)
    / (le_2500 - le_1000) WHEN le_5000 >= 0.95 * le_inf THEN 2500.0 + (max(2500.0, min(5000.0,
    max_us)) - 2500.0) * (0.95 * le_inf - le_2500) / (le_5000 - le_2500) WHEN le_10000 >= 0.95 *
    le_inf THEN 5000.0 + (max(5000.0, min(10000.0, max_us)) - 5000.0) * (0.95 * le_inf -
    le_5000) / (le_10000 - le_5000) WHEN le_25000 >= 0.95 * le_inf THEN 10000.0 + (max(10000.0,
    min(25000.0, max_us)) - 10000.0) * (0.95 * le_inf - le_10000) / (le_25000 - le_10000) WHEN
    le_50000 >= 0.95 * le_inf THEN 25000.0 + (max(25000.0, min(50000.0, max_us)) - 25000.0) *
    (0.95 * le_inf - le_25000) / (le_50000 - le_25000) WHEN le_100000 >= 0.95 * le_inf THEN
    50000.0 + (max(50000.0, min(100000.0, max_us)) - 50000.0) * (0.95 * le_inf - le_50000) /
    (le_100000 - le_50000) WHEN le_250000 >= 0.95 * le_inf THEN 100000.0 + (max(100000.0,
    min(250000.0, max_us)) - 100000.0) * (0.95 * le_inf - le_100000) / (le_250000 - le_100000)
    WHEN le_1000000 >= 0.95 * le_inf THEN 250000.0 + (max(250000.0, min(1000000.0, max_us)) -
    250000.0) * (0.95 * le_inf - le_250000) / (le_1000000 - le_250000) WHEN le_inf >= 0.95 *
    le_inf THEN 1000000.0 + (max(1000000.0, max_us) - 1000000.0) * (0.95 * le_inf - le_1000000)
    / (le_inf - le_1000000) END, CASE WHEN le_10 >= 0.99 * le_inf THEN 0.0 + (max(0.0, min(10.0,
    max_us)) - 0.0) * (0.99 * le_inf - 0) / (le_10 - 0) WHEN le_25 >= 0.99 * le_inf THEN 10.0 +
    (max(10.0, min(25.0, max_us)) - 10.0) * (0.99 * le_inf - le_10) / (le_25 - le_10) WHEN le_50
    >= 0.99 * le_inf THEN 25.0 + (max(25.0, min(50.0, max_us)) - 25.0) * (0.99 * le_inf - le_25)
    / (le_50 - le_25) WHEN le_100 >= 0.99 * le_inf THEN 50.0 + (max(50.0, min(100.0, max_us)) -
    50.0) * (0.99 * le_inf - le_50) / (le_100 - le_50) WHEN le_250 >= 0.99 * le_inf THEN 100.0 +
    (max(100.0, min(250.0, max_us)) - 100.0) * (0.99 * le_inf - le_100) / (le_250 - le_100) WHEN
    le_500 >= 0.99 * le_inf THEN 250.0 + (max(250.0, min(500.0, max_us)) - 250.0) * (0.99 *
    le_inf - le_250) / (le_500 - le_250) WHEN le_1000 >= 0.99 * le_inf THEN 500.0 + (max(500.0,
    min(1000.0, max_us)) - 500.0) * (0.99 * le_inf - le_500) / (le_1000 - le_500) WHEN le_2500
    >= 0.99 * le_inf THEN 1000.0 + (max(1000.0, min(2500.0, max_us)) - 1000.0) * (0.99 * le_inf
    - le_1000) / (le_2500 - le_1000) WHEN le_5000 >= 0.99 * le_inf THEN 2500.0 + (max(2500.0,
    min(5000.0, max_us)) - 2500.0) * (0.99 * le_inf - le_2500) / (le_5000 - le_2500) WHEN
    le_10000 >= 0.99 * le_inf THEN 5000.0 + (max(5000.0, min(10000.0, max_us)) - 5000.0) * (0.99
    * le_inf - le_5000) / (le_10000 - le_5000) WHEN le_25000 >= 0.99 * le_inf THEN 10000.0 +
    (max(10000.0, min(25000.0, max_us)) - 10000.0) * (0.99 * le_inf - le_10000) / (le_25000 -
    le_10000) WHEN le_50000 >= 0.99 * le_inf THEN 25000.0 + (max(25000.0, min(50000.0, max_us))
    - 25000.0) * (0.99 * le_inf - le_25000) / (le_50000 - le_25000) WHEN le_100000 >= 0.99 *
    le_inf THEN 50000.0 + (max(50000.0, min(100000.0, max_us)) - 50000.0) * (0.99 * le_inf -
    le_50000) / (le_100000 - le_50000) WHEN le_250000 >= 0.99 * le_inf THEN 100000.0 +
    (max(100000.0, min(250000.0, max_us)) - 100000.0) * (0.99 * le_inf - le_100000) / (le_250000
    - le_100000) WHEN le_1000000 >= 0.99 * le_inf THEN 250000.0 + (max(250000.0, min(1000000.0,
    max_us)) - 250000.0) * (0.99 * le_inf - le_250000) / (le_1000000 - le_250000) WHEN le_inf >=
    0.99 * le_inf THEN 1000000.0 + (max(1000000.0, max_us) - 1000000.0) * (0.99 * le_inf -
    le_1000000) / (le_inf - le_1000000) END, sum_us / le_inf, max_us FROM (SELECT w.ts AS ts,
    m.name AS model, sum(w.latency_sum_us) AS sum_us, max(w.latency_max_us) AS max_us,
    sum(w.le_10) AS le_10, sum(w.le_25) AS le_25, sum(w.le_50) AS le_50, sum(w.le_100) AS
    le_100, sum(w.le_250) AS le_250, sum(w.le_500) AS le_500, sum(w.le_1000) AS le_1000,
    sum(w.le_2500) AS le_2500, sum(w.le_5000) AS le_5000, sum(w.le_10000) AS le_10000,
    sum(w.le_25000) AS le_25000, sum(w.le_50000) AS le_50000, sum(w.le_100000) AS le_100000,
    sum(w.le_250000) AS le_250000, sum(w.le_1000000) AS le_1000000, sum(w.le_inf) AS le_inf FROM
    w10 AS w JOIN model AS m ON m.id = w.model_id WHERE w.le_inf > 0 GROUP BY w.ts, m.name);
INSERT INTO meta VALUES ('clean', '1');
INSERT INTO model VALUES (1, 'first', 7, 'digits', 81, 3, 90, 100, 1600000000);
INSERT INTO operating_point VALUES (1, 1600000000, 1, 1, 'device', 'present', 1, 300.0, 10.0, 0.8, 0.6,
    1e-9, NULL, 1e-9, 0.25, 40.0, 81, 4, 2, 2, 15, 20, 38.0, 1.5);
INSERT INTO operating_point VALUES (2, 1600000010, 1, 2, 'iid', NULL, 1, NULL, NULL, NULL, NULL,
    NULL, 0.03, 0.03, 2.43, NULL, 81, 3, 1, 2, 0, 0, NULL, 2.5);
INSERT INTO operating_point_layer VALUES (1, 0, 'layer0', 54, 3, 1, 2, 10, 20, 30.0);
INSERT INTO operating_point_layer VALUES (1, 1, 'layer1', 27, 1, 1, 0, 5, 0, 8.0);
INSERT INTO operating_point_layer VALUES (2, 0, 'layer0', 54, 3, 1, 2, 0, 0, NULL);
INSERT INTO operating_point_layer VALUES (2, 1, 'layer1', 27, 0, 0, 0, 0, 0, NULL);
INSERT INTO w10 VALUES (1600000000, 1, 1, 3, 5, 4, 3, 1, 405, 10.0, 5.0, 38.0, 600.0, 400.0,
    0, 0, 0, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3);
INSERT INTO event VALUES (1, 1600000000, 0, 'start', NULL, 'hello');
PRAGMA application_id = 1936748130;
PRAGMA user_version = 1;
COMMIT;
