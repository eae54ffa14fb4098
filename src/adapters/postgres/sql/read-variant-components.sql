select variant_id, component_id, quantity from variant_components order by variant_id, component_id
