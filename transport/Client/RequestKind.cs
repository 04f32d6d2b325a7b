namespace LowLatency.Client;

/// <summary>What a <see cref="Request"/> asks of the broker.</summary>
internal enum RequestKind
{
    DeclareQueue,
    DeleteQueue,
    DeclareExchange,
    DeleteExchange,
    Bind,
    Unbind,
    OpenPublication,
    ClosePublication,
    Subscribe,
    Unsubscribe,
}
