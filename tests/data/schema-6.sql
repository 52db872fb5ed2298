-- The tables and views of schema version 6. One model: a network as version 1, another as version 2, the
-- first one again as version 3; and one that had gone before there were versions.
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN;
CREATE TABLE energy ( model_id INTEGER NOT NULL REFERENCES model (id), layer INTEGER NOT NULL, name
    TEXT NOT NULL, toggle_pj REAL NOT NULL, hold_pj REAL NOT NULL, check_pj REAL NOT NULL, encode_pj
    REAL NOT NULL, decode_pj REAL NOT NULL, verify_pj REAL NOT NULL, read_pj REAL NOT NULL,
    compute_pj REAL NOT NULL, PRIMARY KEY (model_id, layer)) STRICT, WITHOUT ROWID;
INSERT INTO "energy"
    VALUES(1,0,'/1/MatMul',1.0033291019638267016e+02,1.06716485530512471767e+02,0.0,0.0,0.0,0.0,4.89401453537792452408e+00,49.92);
INSERT INTO "energy"
    VALUES(1,1,'/7/MatMul',1.63191866982954927323e+01,2.33777227585350466654e+01,0.0,0.0,0.0,0.0,9.26916465659740840266e-01,19.152);
INSERT INTO "energy"
    VALUES(2,0,'/1/MatMul',52.9756329586491,5.08145739542558771972e+01,0.0,0.0,0.0,0.0,4.09320743059047842393e+00,41.6);
INSERT INTO "energy"
    VALUES(2,1,'/7/MatMul',1.38118596215771560764e+01,1.27314486101517321259e+01,0.0,0.0,0.0,0.0,1.03816384208982759318e+00,21.28);
CREATE TABLE event ( id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, severity INTEGER NOT NULL CHECK
    (severity BETWEEN 0 AND 2), kind TEXT NOT NULL, model_id INTEGER REFERENCES model (id), message
    TEXT NOT NULL) STRICT;
INSERT INTO "event" VALUES(2,1600000007,0,'model',1,'uploaded: version 1, 152 cells in 2 layers');
INSERT INTO "event" VALUES(3,1600000018,0,'model',2,'uploaded: version 2, 160 cells in 2 layers');
INSERT INTO "event" VALUES(4,1600000030,0,'model',1,'uploaded: version 3, 152 cells in 2 layers');
CREATE TABLE inference ( id INTEGER PRIMARY KEY, context_id INTEGER NOT NULL, ms INTEGER NOT NULL,
    request_id INTEGER NOT NULL, predicted INTEGER, label INTEGER, labelled INTEGER NOT NULL,
    correct INTEGER NOT NULL, probability REAL, margin REAL, latency_us REAL NOT NULL) STRICT;
INSERT INTO "inference" VALUES(1,1,913,21881944613500153,0,0,1,1,0.499916136264801,0.0,48.579);
INSERT INTO "inference" VALUES(2,1,913,21881944613500154,0,1,1,0,0.499916136264801,0.0,22.994);
INSERT INTO "inference" VALUES(3,1,913,117296038717289191,0,0,1,1,0.499916136264801,0.0,38.327);
INSERT INTO "inference" VALUES(4,1,913,117296038717289192,0,0,1,1,0.499916136264801,0.0,9.46);
INSERT INTO "inference"
    VALUES(5,2,977,21881944613500155,1,1,1,1,8.53266656398773193359e-01,2.0,35.208);
INSERT INTO "inference"
    VALUES(6,2,977,21881944613500156,1,1,1,1,8.53266656398773193359e-01,2.0,37.077);
INSERT INTO "inference"
    VALUES(7,2,977,21881944613500157,1,1,1,1,8.53266656398773193359e-01,2.0,16.538);
INSERT INTO "inference"
    VALUES(8,2,977,117296038717289194,1,1,1,1,8.53266656398773193359e-01,2.0,19.435);
INSERT INTO "inference"
    VALUES(9,2,977,117296038717289195,1,1,1,1,8.53266656398773193359e-01,2.0,17.758);
INSERT INTO "inference" VALUES(10,3,5,21881944613500158,0,0,1,1,0.499916136264801,0.0,55.988);
INSERT INTO "inference" VALUES(11,3,5,117296038717289197,0,1,1,0,0.499916136264801,0.0,43.112);
CREATE TABLE inference_context ( id INTEGER PRIMARY KEY, model_id INTEGER NOT NULL REFERENCES model
    (id), generation INTEGER NOT NULL, route INTEGER NOT NULL, status INTEGER NOT NULL, images
    INTEGER NOT NULL, wrong_bits INTEGER NOT NULL, energy_pj REAL NOT NULL, used_ts INTEGER NOT
    NULL, UNIQUE (model_id, generation, route, status, images, wrong_bits, energy_pj)) STRICT;
INSERT INTO "inference_context" VALUES(1,1,1,0,200,1,0,1.24821551668396111265e+01,1600000007);
INSERT INTO "inference_context" VALUES(2,2,2,0,200,1,0,1.36022742545360610935e+01,1600000018);
INSERT INTO "inference_context" VALUES(3,1,3,0,200,1,0,1.24821551668396111265e+01,1600000030);
CREATE TABLE inference_second ( first_id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, n INTEGER NOT
    NULL) STRICT;
INSERT INTO "inference_second" VALUES(1,1600000007,4);
INSERT INTO "inference_second" VALUES(5,1600000018,5);
INSERT INTO "inference_second" VALUES(10,1600000030,2);
CREATE TABLE job ( id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, state TEXT NOT NULL,
    model TEXT NOT NULL, request TEXT NOT NULL, created_ts INTEGER NOT NULL, started_ts INTEGER,
    ended_ts INTEGER, done INTEGER NOT NULL, total INTEGER NOT NULL, error TEXT, summary TEXT)
    STRICT;
CREATE TABLE job_result ( job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE, trial
    INTEGER NOT NULL, point INTEGER NOT NULL, operating_point TEXT, seed INTEGER NOT NULL,
    generation INTEGER, predicted_write_error_rate REAL NOT NULL, weights INTEGER NOT NULL, cells
    INTEGER NOT NULL, predicted_wrong_bits REAL NOT NULL, wrong_bits INTEGER NOT NULL,
    predicted_energy_pj REAL, energy_pj REAL, images INTEGER NOT NULL, correct INTEGER, correct_top5
    INTEGER, PRIMARY KEY (job_id, trial)) STRICT, WITHOUT ROWID;
CREATE TABLE meta ( key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('clean','1');
INSERT INTO "meta" VALUES('next_inference','12');
CREATE TABLE model ( id INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum INTEGER NOT NULL,
    description TEXT NOT NULL, cells INTEGER NOT NULL, classes INTEGER NOT NULL, test_correct
    INTEGER NOT NULL, test_total INTEGER NOT NULL, created_ts INTEGER NOT NULL, version INTEGER,
    UNIQUE (name, checksum)) STRICT;
INSERT INTO "model" VALUES(1,'net',321560833,'made for a test',152,3,0,0,1600000007,3);
INSERT INTO "model" VALUES(2,'net',2037755494,'made for a test',160,4,0,0,1600000018,2);
INSERT INTO "model" VALUES(3,'net',7,'made for a test',152,3,0,0,1599999000,NULL);
CREATE TABLE operating_point ( id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, model_id INTEGER NOT
    NULL REFERENCES model (id), generation INTEGER NOT NULL, mode TEXT NOT NULL, program_over TEXT,
    seed INTEGER NOT NULL, temperature_k REAL, pulse_ns REAL, write_voltage_p2ap_v REAL,
    write_voltage_ap2p_v REAL, target_write_error_rate REAL, bit_error_rate REAL,
    predicted_write_error_rate REAL, predicted_wrong_bits REAL, predicted_energy_pj REAL, cells
    INTEGER NOT NULL, wrong_bits INTEGER NOT NULL, errors_p2ap INTEGER NOT NULL, errors_ap2p INTEGER
    NOT NULL, toggles_p2ap INTEGER NOT NULL, toggles_ap2p INTEGER NOT NULL, energy_pj REAL,
    duration_ms REAL NOT NULL, cause TEXT NOT NULL DEFAULT 'program', device TEXT, age_s REAL NOT
    NULL DEFAULT 0, ecc TEXT NOT NULL DEFAULT 'none', cell TEXT NOT NULL DEFAULT '1t1r', polarity
    TEXT NOT NULL DEFAULT 'none', verify_retries INTEGER, bit_error_rate_to_ap REAL, weights INTEGER
    NOT NULL DEFAULT 0, cell_errors INTEGER NOT NULL DEFAULT 0, stuck_errors INTEGER NOT NULL
    DEFAULT 0, equal_pairs INTEGER NOT NULL DEFAULT 0, words INTEGER NOT NULL DEFAULT 0, corrected
    INTEGER NOT NULL DEFAULT 0, detected INTEGER NOT NULL DEFAULT 0, miscorrected INTEGER NOT NULL
    DEFAULT 0, failures INTEGER, retries INTEGER, energy_toggle_pj REAL, energy_hold_pj REAL,
    energy_check_pj REAL, energy_encode_pj REAL, energy_verify_pj REAL, until_ts INTEGER) STRICT;
INSERT INTO "operating_point"
    VALUES(4,1600000007,1,1,'device','present',1,300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,6.29565104790507149533e-08,1.2337315259186283356e+02,152,0,0,0,35,37,1.2337315259186283356e+02,0.324986,'program','default',0.0,'none','1t1r','none',0,NULL,152,0,0,0,0,0,0,0,0,0,5.83260484473390832232e+01,6.50471041445237574407e+01,0.0,0.0,0.0,NULL);
INSERT INTO "operating_point"
    VALUES(5,1600000018,2,2,'device','present',1,300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,5.96337072855336409278e-08,1.30333515144633850014e+02,160,0,0,0,38,44,1.30333515144633850014e+02,0.183272,'program','default',0.0,'none','1t1r','none',0,NULL,160,0,0,0,0,0,0,0,0,0,6.67874925802262566767e+01,6.35460225644076075451e+01,0.0,0.0,0.0,NULL);
INSERT INTO "operating_point"
    VALUES(6,1600000029,1,3,'device','present',1,300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,6.29565104790507149533e-08,1.2337315259186283356e+02,152,0,0,0,35,37,1.2337315259186283356e+02,0.168995,'program','default',0.0,'none','1t1r','none',0,NULL,152,0,0,0,0,0,0,0,0,0,5.83260484473390832232e+01,6.50471041445237574407e+01,0.0,0.0,0.0,NULL);
CREATE TABLE operating_point_layer ( operating_point_id INTEGER NOT NULL REFERENCES operating_point
    (id) ON DELETE CASCADE, layer INTEGER NOT NULL, name TEXT NOT NULL, cells INTEGER NOT NULL,
    wrong_bits INTEGER NOT NULL, errors_p2ap INTEGER NOT NULL, errors_ap2p INTEGER NOT NULL,
    toggles_p2ap INTEGER NOT NULL, toggles_ap2p INTEGER NOT NULL, energy_pj REAL, mode TEXT NOT NULL
    DEFAULT '', program_over TEXT, temperature_k REAL, pulse_ns REAL, write_voltage_p2ap_v REAL,
    write_voltage_ap2p_v REAL, target_write_error_rate REAL, bit_error_rate REAL,
    predicted_write_error_rate REAL, predicted_wrong_bits REAL, predicted_energy_pj REAL, ecc TEXT
    NOT NULL DEFAULT 'none', cell TEXT NOT NULL DEFAULT '1t1r', polarity TEXT NOT NULL DEFAULT
    'none', verify_retries INTEGER, bit_error_rate_to_ap REAL, weights INTEGER NOT NULL DEFAULT 0,
    cell_errors INTEGER NOT NULL DEFAULT 0, stuck_errors INTEGER NOT NULL DEFAULT 0, equal_pairs
    INTEGER NOT NULL DEFAULT 0, words INTEGER NOT NULL DEFAULT 0, corrected INTEGER NOT NULL DEFAULT
    0, detected INTEGER NOT NULL DEFAULT 0, miscorrected INTEGER NOT NULL DEFAULT 0, failures
    INTEGER, retries INTEGER, energy_toggle_pj REAL, energy_hold_pj REAL, energy_check_pj REAL,
    energy_encode_pj REAL, energy_verify_pj REAL, PRIMARY KEY (operating_point_id, layer)) STRICT,
    WITHOUT ROWID;
INSERT INTO "operating_point_layer"
    VALUES(4,0,'/1/MatMul',128,0,0,0,30,32,1.03524697863447570969e+02,'device','present',300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,5.3787189681850843155e-08,1.03524697863447570969e+02,'none','1t1r','none',0,NULL,128,0,0,0,0,0,0,0,0,0,5.01664550981913350815e+01,5.33582427652562358861e+01,0.0,0.0,0.0);
INSERT INTO "operating_point_layer"
    VALUES(4,1,'/7/MatMul',24,0,0,0,5,5,1.98484547284152696988e+01,'device','present',300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,9.16932079719987676649e-09,1.98484547284152696988e+01,'none','1t1r','none',0,NULL,24,0,0,0,0,0,0,0,0,0,8.15959334914774636615e+00,1.16888613792675233327e+01,0.0,0.0,0.0);
INSERT INTO "operating_point_layer"
    VALUES(5,0,'/1/MatMul',128,0,0,0,30,35,1.03790206912904977795e+02,'device','present',300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,4.86941999344062682181e-08,1.03790206912904977795e+02,'none','1t1r','none',0,NULL,128,0,0,0,0,0,0,0,0,0,52.9756329586491,5.08145739542558771972e+01,0.0,0.0,0.0);
INSERT INTO "operating_point_layer"
    VALUES(5,1,'/7/MatMul',32,0,0,0,8,9,2.65433082317288864264e+01,'device','present',300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,1.0939507351127377672e-08,2.65433082317288864264e+01,'none','1t1r','none',0,NULL,32,0,0,0,0,0,0,0,0,0,1.38118596215771560764e+01,1.27314486101517321259e+01,0.0,0.0,0.0);
INSERT INTO "operating_point_layer"
    VALUES(6,0,'/1/MatMul',128,0,0,0,30,32,1.03524697863447570969e+02,'device','present',300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,5.3787189681850843155e-08,1.03524697863447570969e+02,'none','1t1r','none',0,NULL,128,0,0,0,0,0,0,0,0,0,5.01664550981913350815e+01,5.33582427652562358861e+01,0.0,0.0,0.0);
INSERT INTO "operating_point_layer"
    VALUES(6,1,'/7/MatMul',24,0,0,0,5,5,1.98484547284152696988e+01,'device','present',300.0,27.4435199490535,0.530494759323056,4.55320487686436625729e-01,1.0e-09,NULL,9.99999998528884158268e-10,9.16932079719987676649e-09,1.98484547284152696988e+01,'none','1t1r','none',0,NULL,24,0,0,0,0,0,0,0,0,0,8.15959334914774636615e+00,1.16888613792675233327e+01,0.0,0.0,0.0);
CREATE TABLE w10 ( ts INTEGER NOT NULL, model_id INTEGER NOT NULL REFERENCES model (id), generation
    INTEGER NOT NULL, requests INTEGER NOT NULL, images INTEGER NOT NULL, labelled INTEGER NOT NULL,
    correct INTEGER NOT NULL, errors INTEGER NOT NULL, bits_read INTEGER NOT NULL, read_pj REAL NOT
    NULL, compute_pj REAL NOT NULL, write_pj REAL NOT NULL, latency_sum_us REAL NOT NULL,
    latency_max_us REAL NOT NULL, le_10 INTEGER NOT NULL, le_25 INTEGER NOT NULL, le_50 INTEGER NOT
    NULL, le_100 INTEGER NOT NULL, le_250 INTEGER NOT NULL, le_500 INTEGER NOT NULL, le_1000 INTEGER
    NOT NULL, le_2500 INTEGER NOT NULL, le_5000 INTEGER NOT NULL, le_10000 INTEGER NOT NULL,
    le_25000 INTEGER NOT NULL, le_50000 INTEGER NOT NULL, le_100000 INTEGER NOT NULL, le_250000
    INTEGER NOT NULL, le_1000000 INTEGER NOT NULL, le_inf INTEGER NOT NULL, width_s INTEGER NOT NULL
    DEFAULT 10, PRIMARY KEY (ts, model_id, generation)) STRICT, WITHOUT ROWID;
INSERT INTO "w10"
    VALUES(1599999000,3,1,7,7,7,7,0,800,5.13137127268030468485e+00,62.88,1.30333515144633850014e+02,1.26015999999999991128e+02,37.077,0,3,5,5,5,5,5,5,5,5,5,5,5,5,5,5,10);
INSERT INTO "w10"
    VALUES(1600000000,1,1,4,4,4,3,0,608,3.88062066735844357623e+00,46.048,1.2337315259186283356e+02,1.19360000000000013645e+02,48.579,1,2,4,4,4,4,4,4,4,4,4,4,4,4,4,4,10);
INSERT INTO "w10"
    VALUES(1600000010,2,2,5,5,5,5,0,800,5.13137127268030468485e+00,62.88,1.30333515144633850014e+02,1.26015999999999991128e+02,37.077,0,3,5,5,5,5,5,5,5,5,5,5,5,5,5,5,10);
INSERT INTO "w10"
    VALUES(1600000020,1,3,0,0,0,0,0,0,0.0,0.0,1.2337315259186283356e+02,0.0,0.0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,10);
INSERT INTO "w10"
    VALUES(1600000030,1,3,2,2,2,1,0,304,1.94031033367922178811e+00,23.024,0.0,99.1,55.988,0,0,1,2,2,2,2,2,2,2,2,2,2,2,2,2,10);
CREATE INDEX operating_point_by_time ON operating_point (ts);
CREATE INDEX operating_point_by_model ON operating_point (model_id, ts);
CREATE INDEX event_by_time ON event (ts);
CREATE VIEW v_energy_ledger (model, layer, name, kind, joules) AS SELECT m.name, e.layer, e.name,
    'toggle', sum(e.toggle_pj) * 1e-12 FROM energy AS e JOIN model AS m ON m.id = e.model_id GROUP
    BY m.name, e.layer, e.name UNION ALL SELECT m.name, e.layer, e.name, 'hold', sum(e.hold_pj) *
    1e-12 FROM energy AS e JOIN model AS m ON m.id = e.model_id GROUP BY m.name, e.layer, e.name
    UNION ALL SELECT m.name, e.layer, e.name, 'check', sum(e.check_pj) * 1e-12 FROM energy AS e JOIN
    model AS m ON m.id = e.model_id GROUP BY m.name, e.layer, e.name UNION ALL SELECT m.name,
    e.layer, e.name, 'encode', sum(e.encode_pj) * 1e-12 FROM energy AS e JOIN model AS m ON m.id =
    e.model_id GROUP BY m.name, e.layer, e.name UNION ALL SELECT m.name, e.layer, e.name, 'decode',
    sum(e.decode_pj) * 1e-12 FROM energy AS e JOIN model AS m ON m.id = e.model_id GROUP BY m.name,
    e.layer, e.name UNION ALL SELECT m.name, e.layer, e.name, 'verify', sum(e.verify_pj) * 1e-12
    FROM energy AS e JOIN model AS m ON m.id = e.model_id GROUP BY m.name, e.layer, e.name UNION ALL
    SELECT m.name, e.layer, e.name, 'read', sum(e.read_pj) * 1e-12 FROM energy AS e JOIN model AS m
    ON m.id = e.model_id GROUP BY m.name, e.layer, e.name UNION ALL SELECT m.name, e.layer, e.name,
    'compute', sum(e.compute_pj) * 1e-12 FROM energy AS e JOIN model AS m ON m.id = e.model_id GROUP
    BY m.name, e.layer, e.name;
CREATE INDEX w10_by_width ON w10 (width_s, ts);
CREATE VIEW v_accuracy (ts, model, accuracy, labelled, correct, width_s) AS SELECT w.ts, m.name,
    sum(w.correct) * 1.0 / sum(w.labelled), sum(w.labelled), sum(w.correct), max(w.width_s) FROM w10
    AS w JOIN model AS m ON m.id = w.model_id WHERE w.labelled > 0 GROUP BY w.ts, m.name;
CREATE VIEW v_energy (ts, model, read_j, compute_j, write_j, pj_per_image, width_s) AS SELECT w.ts,
    m.name, sum(w.read_pj) * 1e-12, sum(w.compute_pj) * 1e-12, sum(w.write_pj) * 1e-12, CASE WHEN
    sum(w.images) > 0 THEN (sum(w.read_pj) + sum(w.compute_pj)) / sum(w.images) END, max(w.width_s)
    FROM w10 AS w JOIN model AS m ON m.id = w.model_id GROUP BY w.ts, m.name;
CREATE VIEW v_requests (ts, model, requests, images, errors, width_s) AS SELECT w.ts, m.name,
    sum(w.requests), sum(w.images), sum(w.errors), max(w.width_s) FROM w10 AS w JOIN model AS m ON
    m.id = w.model_id GROUP BY w.ts, m.name;
CREATE VIEW v_latency (ts, model, p50_us, p95_us, p99_us, mean_us, max_us, width_s) AS SELECT ts,
    model, CASE WHEN le_10 >= 0.5 * le_inf THEN 0.0 + (max(0.0, min(10.0, max_us)) - 0.0) * (0.5 *
    le_inf - 0) / (le_10 - 0) WHEN le_25 >= 0.5 * le_inf THEN 10.0 + (max(10.0, min(25.0, max_us)) -
    10.0) * (0.5 * le_inf - le_10) / (le_25 - le_10) WHEN le_50 >= 0.5 * le_inf THEN 25.0 +
    (max(25.0, min(50.0, max_us)) - 25.0) * (0.5 * le_inf - le_25) / (le_50 - le_25) WHEN le_100 >=
    0.5 * le_inf THEN 50.0 + (max(50.0, min(100.0, max_us)) - 50.0) * (0.5 * le_inf - le_50) /
    (le_100 - le_50) WHEN le_250 >= 0.5 * le_inf THEN 100.0 + (max(100.0, min(250.0, max_us)) -
    100.0) * (0.5 * le_inf - le_100) / (le_250 - le_100) WHEN le_500 >= 0.5 * le_inf THEN 250.0 +
    (max(250.0, min(500.0, max_us)) - 250.0) * (0.5 * le_inf - le_250) / (le_500 - le_250) WHEN
    le_1000 >= 0.5 * le_inf THEN 500.0 + (max(500.0, min(1000.0, max_us)) - 500.0) * (0.5 * le_inf -
    le_500) / (le_1000 - le_500) WHEN le_2500 >= 0.5 * le_inf THEN 1000.0 + (max(1000.0, min(2500.0,
    max_us)) - 1000.0) * (0.5 * le_inf - le_1000) / (le_2500 - le_1000) WHEN le_5000 >= 0.5 * le_inf
    THEN 2500.0 + (max(2500.0, min(5000.0, max_us)) - 2500.0) * (0.5 * le_inf - le_2500) / (le_5000
    - le_2500) WHEN le_10000 >= 0.5 * le_inf THEN 5000.0 + (max(5000.0, min(10000.0, max_us)) -
    5000.0) * (0.5 * le_inf - le_5000) / (le_10000 - le_5000) WHEN le_25000 >= 0.5 * le_inf THEN
    10000.0 + (max(10000.0, min(25000.0, max_us)) - 10000.0) * (0.5 * le_inf - le_10000) / (le_25000
    - le_10000) WHEN le_50000 >= 0.5 * le_inf THEN 25000.0 + (max(25000.0, min(50000.0, max_us)) -
    25000.0) * (0.5 * le_inf - le_25000) / (le_50000 - le_25000) WHEN le_100000 >= 0.5 * le_inf THEN
    50000.0 + (max(50000.0, min(100000.0, max_us)) - 50000.0) * (0.5 * le_inf - le_50000) /
    (le_100000 - le_50000) WHEN le_250000 >= 0.5 * le_inf THEN 100000.0 + (max(100000.0,
    min(250000.0, max_us)) - 100000.0) * (0.5 * le_inf - le_100000) / (le_250000 - le_100000) WHEN
    le_1000000 >= 0.5 * le_inf THEN 250000.0 + (max(250000.0, min(1000000.0, max_us)) - 250000.0) *
    (0.5 * le_inf - le_250000) / (le_1000000 - le_250000) WHEN le_inf >= 0.5 * le_inf THEN 1000000.0
    + (max(1000000.0, max_us) - 1000000.0) * (0.5 * le_inf - le_1000000) / (le_inf - le_1000000)
    END, CASE WHEN le_10 >= 0.95 * le_inf THEN 0.0 + (max(0.0, min(10.0, max_us)) - 0.0) * (0.95 *
    le_inf - 0) / (le_10 - 0) WHEN le_25 >= 0.95 * le_inf THEN 10.0 + (max(10.0, min(25.0, max_us))
    - 10.0) * (0.95 * le_inf - le_10) / (le_25 - le_10) WHEN le_50 >= 0.95 * le_inf THEN 25.0 +
    (max(25.0, min(50.0, max_us)) - 25.0) * (0.95 * le_inf - le_25) / (le_50 - le_25) WHEN le_100 >=
    0.95 * le_inf THEN 50.0 + (max(50.0, min(100.0, max_us)) - 50.0) * (0.95 * le_inf - le_50) /
    (le_100 - le_50) WHEN le_250 >= 0.95 * le_inf THEN 100.0 + (max(100.0, min(250.0, max_us)) -
    100.0) * (0.95 * le_inf - le_100) / (le_250 - le_100) WHEN le_500 >= 0.95 * le_inf THEN 250.0 +
    (max(250.0, min(500.0, max_us)) - 250.0) * (0.95 * le_inf - le_250) / (le_500 - le_250) WHEN
    le_1000 >= 0.95 * le_inf THEN 500.0 + (max(500.0, min(1000.0, max_us)) - 500.0) * (0.95 * le_inf
    - le_500) / (le_1000 - le_500) WHEN le_2500 >= 0.95 * le_inf THEN 1000.0 + (max(1000.0,
    min(2500.0, max_us)) - 1000.0) * (0.95 * le_inf - le_1000) / (le_2500 - le_1000) WHEN le_5000 >=
    0.95 * le_inf THEN 2500.0 + (max(2500.0, min(5000.0, max_us)) - 2500.0) * (0.95 * le_inf -
    le_2500) / (le_5000 - le_2500) WHEN le_10000 >= 0.95 * le_inf THEN 5000.0 + (max(5000.0,
    min(10000.0, max_us)) - 5000.0) * (0.95 * le_inf - le_5000) / (le_10000 - le_5000) WHEN le_25000
    >= 0.95 * le_inf THEN 10000.0 + (max(10000.0, min(25000.0, max_us)) - 10000.0) * (0.95 * le_inf
    - le_10000) / (le_25000 - le_10000) WHEN le_50000 >= 0.95 * le_inf THEN 25000.0 + (max(25000.0,
    min(50000.0, max_us)) - 25000.0) * (0.95 * le_inf - le_25000) / (le_50000 - le_25000) WHEN
    le_100000 >= 0.95 * le_inf THEN 50000.0 + (max(50000.0, min(100000.0, max_us)) - 50000.0) *
    (0.95 * le_inf - le_50000) / (le_100000 - le_50000) WHEN le_250000 >= 0.95 * le_inf THEN
    100000.0 + (max(100000.0, min(250000.0, max_us)) - 100000.0) * (0.95 * le_inf - le_100000) /
    (le_250000 - le_100000) WHEN le_1000000 >= 0.95 * le_inf THEN 250000.0 + (max(250000.0,
    min(1000000.0, max_us)) - 250000.0) * (0.95 * le_inf - le_250000) / (le_1000000 - le_250000)
    WHEN le_inf >= 0.95 * le_inf THEN 1000000.0 + (max(1000000.0, max_us) - 1000000.0) * (0.95 *
    le_inf - le_1000000) / (le_inf - le_1000000) END, CASE WHEN le_10 >= 0.99 * le_inf THEN 0.0 +
    (max(0.0, min(10.0, max_us)) - 0.0) * (0.99 * le_inf - 0) / (le_10 - 0) WHEN le_25 >= 0.99 *
    le_inf THEN 10.0 + (max(10.0, min(25.0, max_us)) - 10.0) * (0.99 * le_inf - le_10) / (le_25 -
    le_10) WHEN le_50 >= 0.99 * le_inf THEN 25.0 + (max(25.0, min(50.0, max_us)) - 25.0) * (0.99 *
    le_inf - le_25) / (le_50 - le_25) WHEN le_100 >= 0.99 * le_inf THEN 50.0 + (max(50.0, min(100.0,
    max_us)) - 50.0) * (0.99 * le_inf - le_50) / (le_100 - le_50) WHEN le_250 >= 0.99 * le_inf THEN
    100.0 + (max(100.0, min(250.0, max_us)) - 100.0) * (0.99 * le_inf - le_100) / (le_250 - le_100)
    WHEN le_500 >= 0.99 * le_inf THEN 250.0 + (max(250.0, min(500.0, max_us)) - 250.0) * (0.99 *
    le_inf - le_250) / (le_500 - le_250) WHEN le_1000 >= 0.99 * le_inf THEN 500.0 + (max(500.0,
    min(1000.0, max_us)) - 500.0) * (0.99 * le_inf - le_500) / (le_1000 - le_500) WHEN le_2500 >=
    0.99 * le_inf THEN 1000.0 + (max(1000.0, min(2500.0, max_us)) - 1000.0) * (0.99 * le_inf -
    le_1000) / (le_2500 - le_1000) WHEN le_5000 >= 0.99 * le_inf THEN 2500.0 + (max(2500.0,
    min(5000.0, max_us)) - 2500.0) * (0.99 * le_inf - le_2500) / (le_5000 - le_2500) WHEN le_10000
    >= 0.99 * le_inf THEN 5000.0 + (max(5000.0, min(10000.0, max_us)) - 5000.0) * (0.99 * le_inf -
    le_5000) / (le_10000 - le_5000) WHEN le_25000 >= 0.99 * le_inf THEN 10000.0 + (max(10000.0,
    min(25000.0, max_us)) - 10000.0) * (0.99 * le_inf - le_10000) / (le_25000 - le_10000) WHEN
    le_50000 >= 0.99 * le_inf THEN 25000.0 + (max(25000.0, min(50000.0, max_us)) - 25000.0) * (0.99
    * le_inf - le_25000) / (le_50000 - le_25000) WHEN le_100000 >= 0.99 * le_inf THEN 50000.0 +
    (max(50000.0, min(100000.0, max_us)) - 50000.0) * (0.99 * le_inf - le_50000) / (le_100000 -
    le_50000) WHEN le_250000 >= 0.99 * le_inf THEN 100000.0 + (max(100000.0, min(250000.0, max_us))
    - 100000.0) * (0.99 * le_inf - le_100000) / (le_250000 - le_100000) WHEN le_1000000 >= 0.99 *
    le_inf THEN 250000.0 + (max(250000.0, min(1000000.0, max_us)) - 250000.0) * (0.99 * le_inf -
    le_250000) / (le_1000000 - le_250000) WHEN le_inf >= 0.99 * le_inf THEN 1000000.0 +
    (max(1000000.0, max_us) - 1000000.0) * (0.99 * le_inf - le_1000000) / (le_inf - le_1000000) END,
    sum_us / le_inf, max_us, width_s FROM (SELECT w.ts AS ts, m.name AS model, max(w.width_s) AS
    width_s, sum(w.latency_sum_us) AS sum_us, max(w.latency_max_us) AS max_us, sum(w.le_10) AS
    le_10, sum(w.le_25) AS le_25, sum(w.le_50) AS le_50, sum(w.le_100) AS le_100, sum(w.le_250) AS
    le_250, sum(w.le_500) AS le_500, sum(w.le_1000) AS le_1000, sum(w.le_2500) AS le_2500,
    sum(w.le_5000) AS le_5000, sum(w.le_10000) AS le_10000, sum(w.le_25000) AS le_25000,
    sum(w.le_50000) AS le_50000, sum(w.le_100000) AS le_100000, sum(w.le_250000) AS le_250000,
    sum(w.le_1000000) AS le_1000000, sum(w.le_inf) AS le_inf FROM w10 AS w JOIN model AS m ON m.id =
    w.model_id WHERE w.le_inf > 0 GROUP BY w.ts, m.name);
CREATE VIEW v_events (ts, severity, kind, model, message, version) AS SELECT e.ts, CASE e.severity
    WHEN 0 THEN 'info' WHEN 1 THEN 'warning' ELSE 'error' END, e.kind, m.name, e.message, m.version
    FROM event AS e LEFT JOIN model AS m ON m.id = e.model_id;
CREATE VIEW v_error_rate (ts, model, kind, bit_error_rate, wrong_bits, cells, version) AS SELECT
    o.ts, m.name, 'stored', o.wrong_bits * 1.0 / o.weights, o.wrong_bits, o.weights, m.version FROM
    operating_point AS o JOIN model AS m ON m.id = o.model_id WHERE o.weights > 0 UNION ALL SELECT
    o.ts, m.name, 'p2ap', o.errors_p2ap * 1.0 / o.toggles_p2ap, o.errors_p2ap, o.toggles_p2ap,
    m.version FROM operating_point AS o JOIN model AS m ON m.id = o.model_id WHERE o.toggles_p2ap >
    0 AND o.mode <> 'iid' AND o.stuck_errors = 0 UNION ALL SELECT o.ts, m.name, 'ap2p',
    o.errors_ap2p * 1.0 / o.toggles_ap2p, o.errors_ap2p, o.toggles_ap2p, m.version FROM
    operating_point AS o JOIN model AS m ON m.id = o.model_id WHERE o.toggles_ap2p > 0 AND o.mode <>
    'iid' AND o.stuck_errors = 0;
CREATE VIEW v_operating_point_layer (ts, model, generation, layer, name, mode, program_over,
    temperature_k, pulse_ns, write_voltage_p2ap_v, write_voltage_ap2p_v, target_write_error_rate,
    bit_error_rate, predicted_write_error_rate, predicted_wrong_bits, predicted_energy_pj, cells,
    wrong_bits, stored_bit_error_rate, errors_p2ap, errors_ap2p, toggles, energy_pj, ecc, cell,
    polarity, verify_retries, bit_error_rate_to_ap, weights, cell_errors, stuck_errors, equal_pairs,
    words, corrected, detected, miscorrected, failures, retries, energy_toggle_pj, energy_hold_pj,
    energy_check_pj, energy_encode_pj, energy_verify_pj, version) AS SELECT o.ts, m.name,
    o.generation, l.layer, l.name, l.mode, l.program_over, l.temperature_k, l.pulse_ns,
    l.write_voltage_p2ap_v, l.write_voltage_ap2p_v, l.target_write_error_rate, l.bit_error_rate,
    l.predicted_write_error_rate, l.predicted_wrong_bits, l.predicted_energy_pj, l.cells,
    l.wrong_bits, CASE WHEN l.weights > 0 THEN l.wrong_bits * 1.0 / l.weights END, l.errors_p2ap,
    l.errors_ap2p, l.toggles_p2ap + l.toggles_ap2p, l.energy_pj, l.ecc, l.cell, l.polarity,
    l.verify_retries, l.bit_error_rate_to_ap, l.weights, l.cell_errors, l.stuck_errors,
    l.equal_pairs, l.words, l.corrected, l.detected, l.miscorrected, l.failures, l.retries,
    l.energy_toggle_pj, l.energy_hold_pj, l.energy_check_pj, l.energy_encode_pj, l.energy_verify_pj,
    m.version FROM operating_point_layer AS l JOIN operating_point AS o ON o.id =
    l.operating_point_id JOIN model AS m ON m.id = o.model_id;
CREATE VIEW v_job_result (ts, job, kind, state, model, trial, point, operating_point, seed,
    generation, predicted_write_error_rate, weights, cells, predicted_wrong_bits, wrong_bits,
    bit_error_rate, predicted_energy_pj, energy_pj, images, accuracy, accuracy_top5) AS SELECT
    j.created_ts, j.id, j.kind, j.state, j.model, r.trial, r.point, r.operating_point, r.seed,
    r.generation, r.predicted_write_error_rate, r.weights, r.cells, r.predicted_wrong_bits,
    r.wrong_bits, r.wrong_bits * 1.0 / r.weights, r.predicted_energy_pj, r.energy_pj, r.images, CASE
    WHEN r.images > 0 THEN r.correct * 1.0 / r.images END, CASE WHEN r.images > 0 THEN
    r.correct_top5 * 1.0 / r.images END FROM job_result AS r JOIN job AS j ON j.id = r.job_id;
CREATE INDEX inference_context_by_use ON inference_context (used_ts);
CREATE INDEX inference_second_by_time ON inference_second (ts);
CREATE VIEW v_inference (ts, ts_ms, id, request_id, model, generation, route, status, images,
    predicted, label, labelled, correct, probability, margin, wrong_bits, energy_pj, latency_us,
    version) AS SELECT s.ts, s.ts * 1000 + i.ms, i.id, printf('%016x', i.request_id), m.name,
    c.generation, CASE c.route WHEN 0 THEN 'classify' ELSE 'infer' END, c.status, c.images,
    i.predicted, i.label, i.labelled, i.correct, i.probability, i.margin, c.wrong_bits, c.energy_pj,
    i.latency_us, m.version FROM inference_second AS s CROSS JOIN inference AS i ON i.id >=
    s.first_id AND i.id < s.first_id + s.n CROSS JOIN inference_context AS c ON c.id = i.context_id
    CROSS JOIN model AS m ON m.id = c.model_id;
CREATE INDEX operating_point_by_generation ON operating_point (model_id, generation);
CREATE INDEX w10_by_generation ON w10 (model_id, generation);
CREATE VIEW v_operating_point (ts, until_ts, model, generation, mode, program_over, seed,
    temperature_k, pulse_ns, write_voltage_p2ap_v, write_voltage_ap2p_v, target_write_error_rate,
    bit_error_rate, predicted_write_error_rate, predicted_wrong_bits, predicted_energy_pj, cells,
    wrong_bits, stored_bit_error_rate, errors_p2ap, errors_ap2p, toggles, energy_pj, duration_ms,
    images, labelled, accuracy, cause, device, age_s, ecc, cell, polarity, verify_retries,
    bit_error_rate_to_ap, weights, cell_errors, stuck_errors, equal_pairs, words, corrected,
    detected, miscorrected, failures, retries, energy_toggle_pj, energy_hold_pj, energy_check_pj,
    energy_encode_pj, energy_verify_pj, version) AS SELECT o.ts, coalesce(o.until_ts, lead(o.ts)
    OVER (PARTITION BY m.name ORDER BY o.ts, o.id)), m.name, o.generation, o.mode, o.program_over,
    o.seed, o.temperature_k, o.pulse_ns, o.write_voltage_p2ap_v, o.write_voltage_ap2p_v,
    o.target_write_error_rate, o.bit_error_rate, o.predicted_write_error_rate,
    o.predicted_wrong_bits, o.predicted_energy_pj, o.cells, o.wrong_bits, CASE WHEN o.weights > 0
    THEN o.wrong_bits * 1.0 / o.weights END, o.errors_p2ap, o.errors_ap2p, o.toggles_p2ap +
    o.toggles_ap2p, o.energy_pj, o.duration_ms, coalesce(w.images, 0), coalesce(w.labelled, 0), CASE
    WHEN w.labelled > 0 THEN w.correct * 1.0 / w.labelled END, o.cause, o.device, o.age_s, o.ecc,
    o.cell, o.polarity, o.verify_retries, o.bit_error_rate_to_ap, o.weights, o.cell_errors,
    o.stuck_errors, o.equal_pairs, o.words, o.corrected, o.detected, o.miscorrected, o.failures,
    o.retries, o.energy_toggle_pj, o.energy_hold_pj, o.energy_check_pj, o.energy_encode_pj,
    o.energy_verify_pj, m.version FROM operating_point AS o JOIN model AS m ON m.id = o.model_id
    LEFT JOIN (SELECT model_id, generation, sum(images) AS images, sum(labelled) AS labelled,
    sum(correct) AS correct FROM w10 GROUP BY model_id, generation) AS w ON w.model_id = o.model_id
    AND w.generation = o.generation;
PRAGMA application_id = 1936748130;
PRAGMA user_version = 6;
COMMIT;
