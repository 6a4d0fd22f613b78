-- Documents are kept as they came: nobody looks into them here, and jsonb would be taken apart at every write.
-- Room is left in the pages of rows that are updated again and again, so that an update needs no new index entry.

alter table orders
    alter column document type json using document::json,
    alter column head drop default;
alter table orders alter column head type json using head::json;
alter table orders alter column head set default '{}';
alter table technical_lines alter column body type json using body::json;
alter table items
    alter column spec type json using spec::json,
    alter column progress type json using progress::json;
alter table work alter column request type json using request::json;
alter table explanations alter column body type json using body::json;
alter table inventory alter column body type json using body::json;

alter table orders set (fillfactor = 70);
alter table technical_lines set (fillfactor = 70);
alter table items set (fillfactor = 70);

-- What goes on goes before what begins, and urgent orders before others; but the oldest are never forgotten.
alter table inbox
    alter column body type json using body::json,
    add column rank smallint not null default 0;
create index inbox_rank on inbox (rank, seq);
create index inbox_oldest on inbox (seq);
alter table outbox add column rank smallint not null default 1;
