#[cfg(unix)]
/// What the program does.
fn main() -> std::process::ExitCode {
    ::sam::__private::v0_1_0::enter(
        ::sam::Builder::new()
            .interval(::core::time::Duration::new(90u64, 0u32))
            .grace(::core::time::Duration::new(2u64, 0u32))
            .start_limit(::core::time::Duration::new(30u64, 0u32))
            .stop_limit(::core::time::Duration::new(10u64, 0u32))
            .healthy_after(::core::time::Duration::new(10u64, 0u32))
            .policy(::sam::options::Recovery::Restart)
            .checks(::sam::options::Checks::Asks)
            .respawn(::sam::options::Respawn::ExecAfterFault)
            .strays(::sam::options::Strays::Keep)
            .cgroup(::sam::options::Cgroup::Off)
            .pass_signals(::sam::options::SignalTarget::Group)
            .kill_mode(::sam::options::KillMode::Mixed)
            .ready_at_start(false)
            .log(false)
            .huge_pages(false)
            .standby(false)
            .outlive(true)
            .clean_exits(&[3u8, 4u8])
            .fatal_exits(&[78u8])
            .events("events.jsonl")
            .status("status.json")
            .warn_signal(::sam::__private::v0_1_0::signals::SIGUSR1)
            .stop_signal(15i32)
            .reopen_signal(::sam::__private::v0_1_0::signals::SIGHUP)
            .backoff(
                ::core::time::Duration::new(0u64, 100000000u32),
                ::core::time::Duration::new(30u64, 0u32),
            )
            .budget(10u32, ::core::time::Duration::new(60u64, 0u32))
            .probe("curl -fs localhost")
            .probe_every(::core::time::Duration::new(10u64, 0u32))
            .probe_limit(::core::time::Duration::new(5u64, 0u32))
            .probe_failures(3u32),
    );
    /// What the program does.
    #[cfg(unix)]
    #[tokio::main(flavor = "current_thread")]
    async fn main() -> std::process::ExitCode {
        std::process::ExitCode::SUCCESS
    }
    main()
}
