#[cfg(unix)]
fn main() -> std::process::ExitCode {
    ::sam::__private::enter(
        ::sam::Builder::new()
            .interval(::core::time::Duration::new(90u64, 0u32))
            .policy(::sam::Recovery::Restart)
            .ready_at_start(false)
            .clean_exits(&[3u8, 4u8])
            .status("status.json")
            .warn_signal(::sam::__private::signals::SIGUSR1)
            .backoff(
                ::core::time::Duration::new(0u64, 100000000u32),
                ::core::time::Duration::new(30u64, 0u32),
            )
            .budget(10u32, ::core::time::Duration::new(60u64, 0u32))
            .probe(
                "curl -fs localhost",
                ::core::time::Duration::new(10u64, 0u32),
                ::core::time::Duration::new(5u64, 0u32),
                3u32,
            ),
    );
    /// What the program does.
    #[cfg(unix)]
    #[tokio::main(flavor = "current_thread")]
    async fn main() -> std::process::ExitCode {
        std::process::ExitCode::SUCCESS
    }
    main()
}
