-- A copied database must not send results to the real receivers.
UPDATE g2p_spar_transaction
   SET callback_state = 'failed', callback_fault = 'Not sent from a copy'
 WHERE callback_state = 'waiting';
UPDATE g2p_spar_client SET callback_url = NULL, callback_allowed = NULL;
-- Nor is it the registry: it does not sign as the registry does, and the secrets of the
-- real clients, and their tokens, are good for nothing here.
UPDATE g2p_spar_signing_key SET state = 'retired' WHERE state = 'current';
UPDATE g2p_spar_client_secret
   SET revoked_at = now() AT TIME ZONE 'UTC'
 WHERE revoked_at IS NULL;
