-- Orders that follow others are read again when what those installed has been written to Salesforce.

alter table intake add column after_lane text;   -- not before nothing of this lane of the outbox is behind
create index intake_held on intake (after_lane) where after_lane is not null and done_at is null;

alter table command_answers add column result json;
