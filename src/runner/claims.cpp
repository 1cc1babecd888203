#include "runner/claims.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "core/host.h"
#include "core/threads.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// One process at a time changes claims. Without locks in the file system the names of files must do: then two that
/// take over the same claim at the same instant could both believe in it until their first look at it.
class FolderLock {
 public:
  explicit FolderLock(const Layout& layout)
      : id_(open(layout.claims_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (id_ >= 0) static_cast<void>(flock(id_, LOCK_EX));
  }
  ~FolderLock() {
    if (id_ >= 0) close(id_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int id_;
};

}  // namespace

Owner this_process() {
  Owner me;
  me.host = host_name();
  me.place = this_place();
  me.pid = getpid();
  me.started = start_of(me.pid);
  if (const std::string job = environment("SLURM_JOB_ID"); !job.empty()) {
    const std::string array = environment("SLURM_ARRAY_JOB_ID");
    me.job = array.empty() ? job : array + "_" + environment("SLURM_ARRAY_TASK_ID");
    me.node = environment("SLURMD_NODENAME");
  }
  return me;
}

Claims::Claims(const std::string& folder, Owner me, std::chrono::milliseconds patience)
    : layout_(folder), patience_(patience), me_(std::move(me)), heart_(start_thread([this] { live(); })) {}

Claims::~Claims() {
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  heart_.join();
  try {
    for (const std::string& run_id : std::set<std::string>(mine_)) release(run_id);
  } catch (const std::bad_alloc&) {  // others follow what an ended process holds
  }
}

bool Claims::take(const std::string& run_id) {
  const Lock guard(mutex_);
  const FolderLock lock(layout_);
  if (fs::is_directory(path(run_id))) fail_to_replace(path(run_id), EISDIR);
  if (create(run_id)) return true;
  const Owner owner = owner_of(run_id);
  if (!is_dead(run_id, owner)) return false;
  // Aside first: of two that see the same dead claim one gets the file, and what it got is looked at again.
  const std::string aside = temporary_name(path(run_id));
  if (std::rename(path(run_id).c_str(), aside.c_str()) != 0) return false;
  fault_point("claim.aside");
  const Owner got = read_claim(aside).value_or(Owner{});
  const bool changed = !got.same_beat(owner);
  if (changed) {
    static_cast<void>(std::rename(aside.c_str(), path(run_id).c_str()));
    return false;
  }
  std::remove(aside.c_str());
  return create(run_id);
}

/// Only one of several that create the file succeeds. It is never there without its text: nobody could tell whose it
/// is.
bool Claims::create(const std::string& run_id) {
  if (fs::exists(path(run_id))) return false;
  ++me_.beat;  // never the one that a watcher has seen in an earlier claim
  if (!add_text(path(run_id), claim_text(me_))) return false;
  mine_.insert(run_id);
  watched_.erase(run_id);
  fault_point("claim.taken");
  return true;
}

/// Returns who holds a run; nobody where the claim can't be read: then its watch decides.
Owner Claims::owner_of(const std::string& run_id) const { return read_claim(path(run_id)).value_or(Owner{}); }

bool Claims::is_dead(const std::string& run_id, const Owner& owner) {
  if (owner.same_process(me_)) return false;                                         // another thread's
  if (const std::optional<bool> ended = has_ended(owner, me_.place)) return *ended;  // else only its heart can tell
  if (!me_.job.empty() && owner.job == me_.job) return true;  // the scheduler started this job again
  Watch& watch = watched_[run_id];
  if (watch.seen.same_beat(owner)) return watch.beats > kBeats;
  watch = {owner};
  return false;
}

void Claims::release(const std::string& run_id) {
  const Lock guard(mutex_);
  const FolderLock lock(layout_);
  if (owner_of(run_id).same_process(me_)) std::remove(path(run_id).c_str());
  mine_.erase(run_id);
  fault_point("claim.released");
}

bool Claims::owns(const std::string& run_id) {
  const Lock guard(mutex_);
  if (!fs::exists(layout_.claims_lock())) renew();
  return owner_of(run_id).same_process(me_);
}

/// Somebody removed the folder: what was ours goes on being ours.
void Claims::renew() {
  fs::create_directories(layout_.hidden());
  const FolderLock lock(layout_);
  for (const std::string& run_id : mine_) static_cast<void>(create(run_id));
}

void Claims::live() {
  Lock lock(mutex_);
  while (!stop_) {
    if (wake_.wait_for(lock.to_wait(), patience_ / kBeats) == std::cv_status::no_timeout) continue;
    try {
      watch();
      if (!mine_.empty()) beat();
    } catch (const std::exception&) {  // a full disk, no memory: training will say so
    }
  }
}

/// Looks itself instead of counting only: a look that hangs must not count more than once.
void Claims::watch() {
  std::erase_if(watched_, [this](const auto& item) { return !fs::exists(path(item.first)); });
  for (auto& [run_id, watch] : watched_) {
    const Owner owner = owner_of(run_id);
    watch = watch.seen.same_beat(owner) ? Watch{owner, watch.beats + 1} : Watch{owner};
  }
}

void Claims::beat() {
  ++me_.beat;
  const FolderLock folder(layout_);
  for (const std::string& run_id : mine_) {
    if (owner_of(run_id).same_process(me_)) write_text(path(run_id), claim_text(me_));
  }
}

}  // namespace qrun
