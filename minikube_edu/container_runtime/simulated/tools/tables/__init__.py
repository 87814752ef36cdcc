"""Which commands there are: one table a field of work, command -> "module:function". Read by `tools.table`."""
