-- What is inserted is one file a part, and what is merged a file for each column, if it is large.
-- A batch of spans is more than the 10 MB from which a part has a file for each column: some 250 files
-- to make and to sync, which costs as much as working the batch out.

ALTER TABLE spans {on_cluster} MODIFY SETTING min_level_for_wide_part = 1;
ALTER TABLE calls {on_cluster} MODIFY SETTING min_level_for_wide_part = 1;
