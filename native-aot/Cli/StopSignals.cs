using System.Runtime.InteropServices;

namespace LowLatency.Server.Cli;

/// <summary>SIGINT and SIGTERM as a request: the first asks, a second one ends the process as usual.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private readonly Action? _onRequest;
    private int _requests;

    /// <param name="onRequest">Called once, on a thread of the runtime.</param>
    internal StopSignals(Action? onRequest = null)
    {
        _onRequest = onRequest;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
    }

    internal bool IsRequested => Volatile.Read(ref _requests) > 0;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (Interlocked.Increment(ref _requests) > 1)
            return;
        context.Cancel = true;
        _onRequest?.Invoke();
    }
}
