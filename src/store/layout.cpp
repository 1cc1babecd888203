#include "store/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHashDigits = 12;

/// What follows a run's id in a file's name, and where the file lies.
struct Ending {
  FileKind kind;
  std::string_view text;
  bool is_hidden;
};

/// Longer ones stand before those that they end with.
constexpr std::array kEndings = {
    Ending{FileKind::kPreviousCheckpoint, ".ckpt.previous.h5", true},
    Ending{FileKind::kCheckpoint, ".ckpt.h5", true},
    Ending{FileKind::kRun, ".h5", false},
    Ending{FileKind::kJournal, ".jsonl", false},
    Ending{FileKind::kConfig, ".yaml", true},
    Ending{FileKind::kClaim, ".claim", true},
};
constexpr std::string_view kEpoch = ".epoch-";

constexpr const Ending& ending_of(FileKind kind) { return *std::ranges::find(kEndings, kind, &Ending::kind); }

std::string snapshot_name(const std::string& run_id, std::int64_t epoch) {
  return fmt::format("{}{}{:04}{}", run_id, kEpoch, epoch, ending_of(FileKind::kRun).text);
}

/// Takes a name apart like those that snapshot_name() makes; nothing for others.
std::optional<RunFileName> parse_snapshot(const std::string& name, const std::string& stem) {
  const std::size_t at = stem.rfind(kEpoch);
  if (at == std::string::npos) return std::nullopt;
  RunFileName parsed{.run_id = stem.substr(0, at), .kind = FileKind::kSnapshot};
  std::from_chars(stem.data() + at + kEpoch.size(), stem.data() + stem.size(), parsed.epoch);
  const bool is_one =
      has_hash(parsed.run_id) && parsed.epoch >= 0 && snapshot_name(parsed.run_id, parsed.epoch) == name;
  return is_one ? std::optional(parsed) : std::nullopt;
}

}  // namespace

std::string hash_of(const std::string& run_id) {
  return has_hash(run_id) ? run_id.substr(run_id.size() - kHashDigits) : run_id;
}

bool has_hash(const std::string& run_id) {
  return run_id.size() > kHashDigits && run_id[run_id.size() - kHashDigits - 1] == '-' &&
         run_id.find_first_not_of("0123456789abcdef", run_id.size() - kHashDigits) == std::string::npos;
}

std::optional<RunFileName> parse_file_name(std::string_view name) {
  const auto at = std::ranges::find_if(kEndings, [&](const Ending& ending) { return name.ends_with(ending.text); });
  if (at == kEndings.end()) return std::nullopt;
  const std::string stem(name.substr(0, name.size() - at->text.size()));
  if (has_hash(stem)) return RunFileName{.run_id = stem, .kind = at->kind};
  return parse_snapshot(std::string(name), stem);
}

bool may_be_run_file(const fs::path& file) {
  return file.extension() == ending_of(FileKind::kRun).text && file.filename() != kIndexName;
}

bool may_be_journal(const fs::path& file) { return file.extension() == ending_of(FileKind::kJournal).text; }

std::string previous_checkpoint(const std::string& checkpoint) {
  const std::size_t stem = checkpoint.size() - ending_of(FileKind::kCheckpoint).text.size();
  return checkpoint.substr(0, stem).append(ending_of(FileKind::kPreviousCheckpoint).text);
}

std::string Layout::file(const std::string& run_id, FileKind kind) const {
  const Ending& ending = ending_of(kind);
  const std::string name = run_id + std::string(ending.text);
  return (ending.is_hidden ? inside(name) : folder_ / name).string();
}

std::string Layout::snapshot(const std::string& run_id, std::int64_t epoch) const {
  return (folder_ / kSnapshotsName / snapshot_name(run_id, epoch)).string();
}

}  // namespace qrun
