-- A copied database must not send results to the real receivers.
UPDATE g2p_spar_transaction
   SET callback_state = 'failed', callback_fault = 'Not sent from a copy'
 WHERE callback_state = 'waiting';
UPDATE g2p_spar_client SET callback_url = NULL, callback_allowed = NULL;
