-- orders and fills: where each order stands, and what was executed of it.

-- on OrderIntended
INSERT INTO orders (
    run, account, client_order_id, mode, signal_id, position_id, strategy, instrument, session_date,
    setup_instance, leg, purpose, attempt, side, qty_1e8, order_type, tif, limit_1e8, trigger_1e8,
    adds_risk, deadline_ns, expires_ns, reference_1e8, reference_ns, exit_reason, state, cause,
    broker_order_id, filled_1e8, filled_value_1e16, fees_1e8, intended_ns, updated_ns, intent_seq)
VALUES (
    :run, :account, :payload ->> '$.client_order_id', :mode, :payload ->> '$.signal_id',
    :payload ->> '$.position_id', :payload ->> '$.strategy', :payload ->> '$.instrument',
    :payload ->> '$.session_date', :payload ->> '$.setup_instance', :payload ->> '$.leg',
    :payload ->> '$.purpose', :payload ->> '$.attempt', :payload ->> '$.side',
    :payload ->> '$.qty_1e8', :payload ->> '$.order_type', :payload ->> '$.tif',
    :payload ->> '$.limit_1e8', :payload ->> '$.trigger_1e8', :payload ->> '$.adds_risk',
    :payload ->> '$.deadline_ns', :payload ->> '$.expires_ns', :payload ->> '$.reference_1e8',
    :payload ->> '$.reference_ns', :payload ->> '$.exit_reason', 'PENDING', 'intended', '', 0, '0',
    0, :at_ns, :at_ns, :seq);

-- on OrderChanged
UPDATE orders SET
    state = :payload ->> '$.new',
    cause = :payload ->> '$.cause',
    broker_order_id = coalesce(nullif(:payload ->> '$.broker_order_id', ''), broker_order_id),
    submitted_ns = CASE WHEN :payload ->> '$.new' = 'SUBMITTED'
        THEN coalesce(submitted_ns, :at_ns) ELSE submitted_ns END,
    acknowledged_ns = CASE
        WHEN :payload ->> '$.new' IN ('WORKING', 'PARTIALLY_FILLED', 'FILLED', 'REJECTED')
        THEN coalesce(acknowledged_ns, :at_ns) ELSE acknowledged_ns END,
    ended_ns = CASE
        WHEN :payload ->> '$.new' IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'NOT_SENT')
        THEN coalesce(ended_ns, :at_ns) END,
    updated_ns = :at_ns
WHERE run = :run AND client_order_id = :payload ->> '$.client_order_id';

-- on CancelRequested
UPDATE orders SET
    cancel_requested_ns = coalesce(cancel_requested_ns, :at_ns),
    updated_ns = :at_ns
WHERE run = :run AND client_order_id = :payload ->> '$.client_order_id';

-- on OrderFilled
INSERT INTO fills (
    run, account, client_order_id, execution_id, mode, broker_order_id, position_id, strategy,
    instrument, side, qty_1e8, price_1e8, fee_1e8, realised_1e8, settlement, is_late, venue_ns, at_ns)
VALUES (
    :run, :account, :payload ->> '$.client_order_id', :payload ->> '$.execution_id', :mode,
    :payload ->> '$.broker_order_id', :payload ->> '$.position_id', :payload ->> '$.strategy',
    :payload ->> '$.instrument', :payload ->> '$.side', :payload ->> '$.qty_1e8',
    :payload ->> '$.price_1e8', :payload ->> '$.fee_1e8', :payload ->> '$.realised_1e8',
    :payload ->> '$.settlement', :payload ->> '$.is_late', :payload ->> '$.venue_ns', :at_ns);

-- on OrderFilled, FillReversed
UPDATE orders SET
    filled_1e8 = :payload ->> '$.filled_1e8',
    filled_value_1e16 = :payload ->> '$.filled_value_1e16',
    fees_1e8 = :payload ->> '$.order_fees_1e8',
    updated_ns = :at_ns
WHERE run = :run AND client_order_id = :payload ->> '$.client_order_id';

-- on FillSettled
UPDATE fills SET settlement = 'CONFIRMED'
WHERE run = :run AND account = :account AND client_order_id = :payload ->> '$.client_order_id'
    AND execution_id = :payload ->> '$.execution_id';

-- on FillReversed
UPDATE fills SET reversed_ns = :at_ns, reversal_reason = :payload ->> '$.reason'
WHERE run = :run AND account = :account AND client_order_id = :payload ->> '$.client_order_id'
    AND execution_id = :payload ->> '$.execution_id';
