#include "config/fields/network.h"

#include "config/fields/graph.h"
#include "config/table/schema.h"

namespace qrun::config {

void read_network(const Value& value, std::vector<LayerSpec>& network) {
  if (!value.node.is_list()) return value.fail_kind("a list of layers is wanted");
  if (value.node.items.empty()) return value.fail("is an empty list; give at least one layer");
  network.resize(value.node.items.size());
  for (std::size_t i = 0; i < network.size(); ++i) read_layer(value.item(i), network[i]);
  connect_layers(value, network);
}

void write_network(const std::vector<LayerSpec>& network, const Writing& to) {
  to.sink.open(Sink::Collection::kList);
  for (const LayerSpec& layer : network) write_layer(layer, to);
  to.sink.close();
}

Node schema_of_network() { return schema_of_list(or_variable(schema_any_of(schemas_of_layers()))); }

}  // namespace qrun::config
