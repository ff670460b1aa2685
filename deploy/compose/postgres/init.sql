-- Run once, by the PostgreSQL image, when it makes the database. The server's logins have no business in the others.
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;
