using System.Runtime.ExceptionServices;

namespace LowLatency.Server.Demo;

/// <summary>Runs a stream on a thread of its own and brings back what it threw.</summary>
internal sealed class StreamThread
{
    private Exception? _thrown;

    internal StreamThread(OrderStream stream)
    {
        Thread = new Thread(() => Run(stream)) { IsBackground = true, Name = "order-stream" };
        Thread.Start();
    }

    internal Thread Thread { get; }

    /// <summary>Waits for the end; throws what the stream threw.</summary>
    internal void Finish()
    {
        Thread.Join();
        if (_thrown != null)
            ExceptionDispatchInfo.Throw(_thrown);
    }

    private void Run(OrderStream stream)
    {
        try
        {
            stream.Run();
        }
        catch (Exception error)
        {
            _thrown = error; // Thrown again by Finish.
        }
    }
}
