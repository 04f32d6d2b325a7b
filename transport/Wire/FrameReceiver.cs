namespace LowLatency.Transport.Wire;

/// <summary>The side that reads: it decides which types of frames are accepted.</summary>
internal enum FrameReceiver : byte
{
    Server,
    Client,
}
