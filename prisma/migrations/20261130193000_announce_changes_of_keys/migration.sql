-- Gateways keep API keys in memory for a few seconds. The trigger notifies them of a change, in the transaction that makes
-- it, also when an operator makes it by SQL. A record of the last use is not such a change.
CREATE FUNCTION "notify_key_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('report_gateway_events', OLD.id);
  RETURN NULL;
END
$$;

CREATE TRIGGER "notify_key_change"
  AFTER DELETE OR UPDATE OF "id", "account_id", "livemode", "secret_hash", "expires_at", "revoked_at" ON "api_keys"
  FOR EACH ROW EXECUTE FUNCTION "notify_key_change"();
