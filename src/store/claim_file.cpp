#include "store/claim_file.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace qrun {

std::string claim_text(const Owner& owner) {
  return nlohmann::ordered_json{{"host", owner.host},       {"place", owner.place}, {"pid", owner.pid},
                                {"started", owner.started}, {"job", owner.job},     {"node", owner.node},
                                {"beat", owner.beat}}
             .dump() +
         "\n";
}

std::optional<Owner> read_claim(const std::string& path) {
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    return Owner{.host = json.at("host"),
                 .place = json.at("place"),
                 .pid = json.at("pid"),
                 .started = json.at("started"),
                 .job = json.at("job"),
                 .node = json.at("node"),
                 .beat = json.at("beat")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace qrun
