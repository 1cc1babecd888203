#include "config/fields/graph.h"

#include <algorithm>
#include <map>

#include "config/yaml/names.h"

namespace qrun::config {
namespace {

/// Checks how the layers hang together: names, inputs, and that each leads to the last one.
class Graph {
 public:
  Graph(const Value& list, std::vector<LayerSpec>& layers) : list_(list), layers_(layers) {}

  void connect() {
    const auto is_unusable = [](const std::string& name) { return name.empty() || name == kImages; };
    if (std::ranges::any_of(layers_, is_unusable, &LayerSpec::name)) return;  // reported where it was read
    bool sound = true;
    for (std::size_t i = 0; i < layers_.size(); ++i) sound = check_name(i) && has_read_input(i) && sound;
    for (std::size_t i = 0; sound && i < layers_.size(); ++i) {
      if (layers_[i].input.empty() && !layers_[i].takes_several())
        layers_[i].input = {i == 0 ? kImages : layers_[i - 1].name};
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) sound = check_input(i) && complete_coefficients(i) && sound;
    if (sound) check_reach();
  }

 private:
  bool check_name(std::size_t i) {
    const std::string& name = layers_[i].name;
    const auto [first, is_new] = index_.try_emplace(name, i);
    if (is_new) return true;
    fail(i, "name",
         name + " is the name of two layers, the first in line " +
             std::to_string(layers_[first->second].position.line) + "; choose another");
    return false;
  }

  /// False where an input was given and not read, of which the mistake is known.
  [[nodiscard]] bool has_read_input(std::size_t i) const {
    return !layers_[i].input.empty() || list_.node.items[i].find("input") == nullptr;
  }

  bool check_input(std::size_t i) {
    bool sound = true;
    if (layers_[i].takes_several() && layers_[i].input.empty() && has_read_input(i)) {
      list_.item(i).fail(std::string(layers_[i].type()) + " takes two inputs or more; name them, input: [a, b]");
      return false;
    }
    for (const std::string& name : layers_[i].input) {
      const auto found = index_.find(name);
      if (name == kImages || (found != index_.end() && found->second < i)) continue;
      sound = false;
      if (list_.node.items[i].find("input") == nullptr) continue;
      fail(i, "input",
           found == index_.end() ? "no layer is called " + name + "; " + suggest(name, known(i))
                                 : name + " does not come before " + layers_[i].name + "; move it up, or take another");
    }
    return sound;
  }

  /// Gives a sum the coefficients that it leaves out.
  bool complete_coefficients(std::size_t i) {
    auto* add = std::get_if<AddLayer>(&layers_[i].params);
    if (add == nullptr) return true;
    const std::size_t inputs = layers_[i].input.size();
    if (add->coefficients.empty()) add->coefficients.assign(inputs, 1.0);
    if (add->coefficients.size() == inputs) return true;
    fail(i, "coefficients",
         std::to_string(add->coefficients.size()) + " coefficients for " + std::to_string(inputs) +
             " inputs; give one an input");
    return false;
  }

  void check_reach() {
    std::vector<bool> reaches(layers_.size(), false);
    for (std::size_t i = layers_.size(); i-- > 0;) {
      if (i + 1 == layers_.size()) reaches[i] = true;
      if (!reaches[i]) {
        list_.item(i).fail("does not reach the loss; let a later layer take it as input, or remove it");
        continue;
      }
      for (const std::string& name : layers_[i].input) {
        if (name != kImages) reaches[index_.at(name)] = true;
      }
    }
  }

  void fail(std::size_t i, const char* key, const std::string& text) const {
    const Value layer = list_.item(i);
    layer.below(key, *layer.node.find(key)).fail(text);
  }
  [[nodiscard]] std::vector<std::string> known(std::size_t before) const {
    std::vector<std::string> names = {kImages};
    for (std::size_t i = 0; i < before; ++i) names.push_back(layers_[i].name);
    return names;
  }

  const Value& list_;
  std::vector<LayerSpec>& layers_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace

void connect_layers(const Value& list, std::vector<LayerSpec>& layers) { Graph(list, layers).connect(); }

}  // namespace qrun::config
