-- A copied database must not write to a real mapper elsewhere.
UPDATE g2p_spar_connector SET adapter = 'none' WHERE adapter NOT IN ('none', 'local');
