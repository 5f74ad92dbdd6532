-- How amounts, times and payload fields are read. Amounts are exact decimals, never floats.

CREATE MACRO amount(value_1e8) AS
    (CAST(CAST(value_1e8 AS BIGINT) AS DECIMAL(19, 0)) * CAST('0.00000001' AS DECIMAL(8, 8)))::DECIMAL(19, 8);
CREATE MACRO moment(value_ns) AS make_timestamp_ns(CAST(value_ns AS BIGINT));
CREATE MACRO day(yyyymmdd) AS make_date(
    CAST(yyyymmdd AS BIGINT) // 10000, (CAST(yyyymmdd AS BIGINT) // 100) % 100,
    CAST(yyyymmdd AS BIGINT) % 100);
CREATE MACRO field(payload, path) AS json_extract_string(payload, path);
CREATE MACRO whole(payload, path) AS CAST(json_extract_string(payload, path) AS BIGINT);
CREATE MACRO flag(payload, path) AS CAST(json_extract_string(payload, path) AS BOOLEAN);
-- Average price of an order: its exact sum of price x quantity (1e-16) over its quantity (1e-8).
CREATE MACRO average(value_1e16, qty_1e8) AS CASE WHEN qty_1e8 <> 0 THEN
    amount(CAST((CAST(value_1e16 AS HUGEINT) + sign(value_1e16::HUGEINT)::HUGEINT * (qty_1e8 // 2)) // qty_1e8 AS BIGINT)) END;
